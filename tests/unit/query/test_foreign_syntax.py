"""Forms of other tools are named with what to write instead, and valid SQL that looks like them is left alone."""

from __future__ import annotations

import pytest

from bulkq.errors import QueryFileError
from bulkq.query import inline


def errors(text: str, dialect: str = "postgres") -> list[str]:
    """What is wrong with a text, without its place."""
    try:
        inline(text, dialect)
    except QueryFileError as error:
        return [line.partition(": ")[2] for line in str(error).splitlines()]
    return []


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("select oid from c where name = :'id'", ":'id' is psql syntax: write :id, without quotes"),
        ("select :'id'", ":'id' is psql syntax: write :id, without quotes"),
        ("select f(1, :'id')", ":'id' is psql syntax: write :id, without quotes"),
        (
            'select * from :"t"',
            ':"t" is psql syntax: write :{t}, and above it "-- @param t ident"',
        ),
        (
            "\\set x 1\nselect 1",
            r'"\set" is a psql command: use --param NAME=VALUE, or a default in "-- name: query(NAME = VALUE)"',
        ),
        ("\\timing on\nselect 1", r'"\timing" is a client command, and bulkq only sends SQL: remove the line'),
        ("show tables\\G", r'"\G" is a client command: end the statement with ";"'),
        ("select 1 \\gx", r'"\gx" is a client command: end the statement with ";"'),
        ("select * from t where id = %(id)s", '"%(id)s" is the syntax of a Python driver: write :id'),
        ("select * from t where id = %s", 'positional parameter "%s" has no value: write ":name"'),
        ("select ${id}", '"${id}" is a shell variable, which bulkq does not expand: write :id'),
        ("select ${1}", '"${}" is a shell variable, which bulkq does not expand: write :name'),
        (
            "select * from t where id = {{ id }}",
            '"{{ id }}" is a template: write :id for a value, or :{id} for the name of a table or column',
        ),
        (
            "select * from {{ ref('t') }}",
            (
                '"{{" starts a template, and bulkq sends plain SQL: write the name itself, :name for a value, '
                "or :{name} for a name that changes"
            ),
        ),
        ("{% if x %} select 1", '"{%" starts a template, and bulkq sends plain SQL: render the template first'),
        ("{# note #} select 1", '"{#" starts a template, and bulkq sends plain SQL: render the template first'),
        ("select * from t where id = ?", 'positional parameter "?" has no value: write ":name"'),
        ("select * from t where id = ? and b", 'positional parameter "?" has no value: write ":name"'),
        ("select :1", 'positional parameter ":1" has no value: write ":name"'),
        ("select f(?)", 'positional parameter "?" has no value: write ":name"'),
    ],
)
def test_another_tools_form_is_named(text: str, instead: str) -> None:
    """The line says whose form it is and what to write."""
    assert errors(text) == [instead]


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("select ':''id'", "postgres"),
        ("select '%(id)s', '{{ x }}', '${x}', '\\G', ?::text from t -- \\set", "plain"),
        ("select 5 %(id)s", "postgres"),
        ("select a %s from t", "postgres"),
        ("select a % b, f(a) %s from t", "postgres"),
        ("select a[1:2], a[x :y], a[:2], a[:]", "postgres"),
        ("select data ? 'k', (data) ? 'k', data ?| array['k']", "postgres"),
        ("select {'a': 1, 'b' :'x'}, {k :'v'}", "duckdb"),
        ("select {set:'x', update:'y'}", "duckdb"),
        ("select map {{'a': 1}: 2}, map {{a: 1}: 2}, map {{{\"a\" : 1}: 2}: 3}", "duckdb"),
        ("select \\N", "mysql"),
        ("select 1 where a ? 'b' and c = 2", "postgres"),
        ("select @ -5, % 3", "postgres"),
        ("select \\:x", "postgres"),
        ("select :x, : 'x'", "postgres"),
        ("select $tag$ :'id' {{ x }} $tag$", "postgres"),
        ("select { x", "postgres"),
        ("select $ x", "postgres"),
        ("select \\ 1", "postgres"),
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str, dialect: str) -> None:
    """Strings, comments, operators and the database's own braces are not touched."""
    assert [line for line in errors(text, dialect) if "write" in line or "client" in line or "template" in line] == []


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("update t set n = 1 /*! , n = 2 */ where id = 1", "/*!"),
        ("insert into /*M!100100 log */ values (1)", "/*M!100100"),
        ("/*!50003 call own(1) */ select 1", "/*!50003"),
    ],
)
def test_comments_that_the_server_executes(text: str, mark: str) -> None:
    """MariaDB and MySQL execute them, so a table or a COMMIT could hide there; for other databases they are comments."""
    (message,) = errors(text, "mysql")
    assert message.startswith(f'"{mark}" starts a comment that MariaDB and MySQL execute: write its text without')
    assert errors("select 1 /*! , 2 */", "postgres") == []

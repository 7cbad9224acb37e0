"""Findings without a database."""

from __future__ import annotations

import pytest

from bulkq.query import LintFinding, inline, lint_untyped, load
from bulkq.query.lint import MOVED, lint


def found(text: str) -> list[str]:
    """Severity and message of each finding of a text."""
    return [f"{f.severity}: {f.message}" for f in lint(inline(text))]


def test_findings_have_file_and_line() -> None:
    """A finding points at the line of its cause."""
    (query,) = load("-- name: a\n-- b\nselect 1\n where x = ':id' and id = :id", "users.sql")
    message = '":id" is in the string "\':id\'", so it is not a placeholder: write :id'
    assert lint(query) == [LintFinding("users.sql", 4, "error", message)]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        (
            "update t set a = 1",
            ["error: UPDATE without WHERE changes every row: add a WHERE, or run it with --allow unbounded"],
        ),
        (
            "update t set a = 1 where ctid = any(array(select ctid from t where a = 0 limit 9 for update))",
            ["warning: " + MOVED.format(column="ctid")],
        ),
        ("select ctid from t where a = 0", []),
        ("begin", ["error: BEGIN controls the session or transaction, which bulkq manages: remove it"]),
        (
            "-- @mode read\ninsert into t values (1)",
            ['error: @mode is "read", but INSERT is write: write "@mode write"'],
        ),
        ("-- @mode write\ntruncate t", ['error: @mode is "write", but TRUNCATE is ddl: write "@mode ddl"']),
        ("select ':b'", ['error: ":b" is in the string "\':b\'", so it is not a placeholder: write :b']),
        (
            "select a like '%:b%'",
            ["error: \":b\" is in the string \"'%:b%'\", so it is not a placeholder: write '%' || :b || '%'"],
        ),
        (
            "select :b, 'a :b c :d'",
            ['error: ":b" is in the string "\'a :b c :d\'", so it is not a placeholder: write :b'],
        ),
        ("select 1 -- and a = :b", []),
        (
            "select 1 where a = 1 -- and a = :b\n and c = :c -- c = :c",
            ['warning: ":b" is in a comment, so it is not a placeholder'],
        ),
        (
            "select 1,\n-- @timeout 5s\n2",
            ["warning: @timeout has no effect inside the statement: move it above the statement"],
        ),
        (
            "-- @over t\n-- @mode write\nupdate t set a = 1 where id > :lo",
            ['error: a range has two ends, and ":hi" is not used: write id > :lo AND id <= :hi, or :range'],
        ),
        ("-- @over t\n-- @where a is null\nupdate t set a = 1 where :range", []),
        ("-- @where a is null\nupdate t set a = 1 where :range", []),
        ("-- @over t\n-- @select select id from t where :range\nupdate t set a = :a where id = :id", []),
        ("-- @over t\n-- @key id\nselect 1 where id > :lo and id <= :hi", []),
        ("-- @expect empty\n-- @mask a\nselect a from t", []),
        (
            "-- @sample 3\ndelete from t where a = 1",
            ["error: @sample makes this a check, which can only read, so DELETE would be refused: remove one of them"],
        ),
        (
            "-- @expect value unchanged\n-- @mask a\nselect a from t",
            [
                "warning: a masked value is not stored, so it cannot be compared with an earlier run: measure rows, or remove @mask"
            ],
        ),
        ("-- @over t\n-- @key id\nselect 1 where id in (:keys*)", []),
        ("-- @key id\nselect 1", ['warning: @key has no effect without "-- @over TABLE"']),
        (
            "-- @timeout 1s\n-- @lock_timeout 1s\nselect 1",
            ["error: @lock_timeout has no effect: make it shorter than @timeout"],
        ),
        ("-- @idempotent true\nselect 1", ["warning: @idempotent has no effect on a query that reads"]),
        (
            "-- @batch 5\n-- @transaction off\nselect 1",
            ["warning: @batch has no effect with @transaction off: such queries run one at a time"],
        ),
        (
            "delete from t where true",
            ["warning: this WHERE is always true, so every row is changed: correct the condition"],
        ),
        (
            "delete from t where 1 = 1 returning id",
            ["warning: this WHERE is always true, so every row is changed: correct the condition"],
        ),
        (
            "with x as (delete from t where 1=1) select 1",
            ["warning: this WHERE is always true, so every row is changed: correct the condition"],
        ),
        ("delete from t where true and id = :id", []),
        ("delete from t where 1 = 2", []),
        ("select 1 where true", []),
        ("select 1 -- f(:a) is gone\n where :a = 1", []),
        ("select '{\"k\":true}', 'http://x:80/:p', 'at 10:20', $$ :x $$, E'a' from t where id = :id", []),
        ("select * from t", []),
    ],
)
def test_findings(text: str, findings: list[str]) -> None:
    """What is found, and what is left alone."""
    assert found(text) == findings


def test_dialect() -> None:
    """Quotes are read by the dialect's rules."""
    assert lint(inline("select \"a :b\", ':c'", "mysql"), "mysql")[0].message.startswith('":c" is in')


@pytest.mark.parametrize("condition", ["max(a) > :v", "date(a) = :v and count(*) = :v"])
def test_untyped_beside_an_expression(condition: str) -> None:
    """On SQLite a parameter whose class its values decide should have a type; elsewhere, or with one, there is nothing to say."""
    text = f"select 1 from t having {condition}"
    (finding,) = lint(inline(text), "sqlite")
    assert finding.severity == "warning"
    assert finding.message.startswith("BQ010: SQLite compares :v with an expression")
    assert lint(inline(text)) == []
    (typed,) = load(f"-- name: a(v: integer)\n{text}", "a.sql")
    assert lint(typed, "sqlite") == []


@pytest.mark.parametrize("condition", ["a = :v", "count(*) > :v", "date(a) = :v", ":v is null or a = :v"])
def test_untyped_where_it_is_certain(condition: str) -> None:
    """A parameter beside a column, a number or text needs no type."""
    assert lint(inline(f"select 1 from t having {condition}"), "sqlite") == []


def test_untyped_beside_a_known_column() -> None:
    """With the columns of the database, one without affinity is a finding too, of the parameters that are asked about."""
    query = inline("select 1 from t where a = :v and b = :w")
    columns = {"t": {"a": False, "b": False}}
    (finding,) = lint_untyped(query, columns, {"w"})
    assert (finding.line, finding.severity) == (1, "warning")
    assert finding.message.startswith('BQ010: SQLite compares :w with column "b", which has no affinity')

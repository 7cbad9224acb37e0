"""The value of `@requires`."""

from __future__ import annotations

import pytest

from bulkq import query as queries
from bulkq.errors import QueryFileError
from bulkq.model.requirement import Requirement, RequirementKind
from bulkq.query.requirement_headers import parse_requirements, requirements


def test_every_form() -> None:
    """Products with versions, states, and names with their kind; blanks and case of the keyword do not matter."""
    found = parse_requirements(
        "pg >= 16, MariaDB<10.11.2,sqlite, primary, standby, extension:a-b, role: r, table:s.t, privilege:PROCESS, setting:x.y, "
        "setting:track_io_timing = on"
    )
    kinds = RequirementKind
    assert found == (
        Requirement("pg >= 16", kinds.PRODUCT, "pg", ">=", "16"),
        Requirement("MariaDB<10.11.2", kinds.PRODUCT, "mariadb", "<", "10.11.2"),
        Requirement("sqlite", kinds.PRODUCT, "sqlite"),
        Requirement("primary", kinds.PRIMARY),
        Requirement("standby", kinds.STANDBY),
        Requirement("extension:a-b", kinds.EXTENSION, "a-b"),
        Requirement("role: r", kinds.ROLE, "r"),
        Requirement("table:s.t", kinds.TABLE, "s.t"),
        Requirement("privilege:PROCESS", kinds.PRIVILEGE, "PROCESS"),
        Requirement("setting:x.y", kinds.SETTING, "x.y"),
        Requirement("setting:track_io_timing = on", kinds.SETTING, "track_io_timing", "=", "on"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pg>16x", 'write "pg>=16"'),
        ("pg>=16,", '"" is not a requirement'),
        ("postgres", "did you mean postgresql?"),
        ("oracle>=3", 'write "pg>=16"'),
        ("primary>=1", "is not a requirement"),
        ("extensoin:x", "did you mean extension:?"),
        ("zz:x", "extension:NAME"),
        ("role:x=y", 'only a setting has a value: write "role:x"'),
        ("pg>=1.2.3.4", "is not a requirement"),
    ],
)
def test_anything_else_is_an_error(text: str, said: str) -> None:
    """The message quotes the part and says what to write."""
    with pytest.raises(ValueError, match="requirement|setting") as caught:
        parse_requirements(text)
    assert said in str(caught.value)


def test_a_header_is_checked_with_its_line() -> None:
    """Several lines add up; a wrong one is an error of the file."""
    (query,) = queries.load("-- name: a\n-- @requires pg>=16\n-- @requires role:x, primary\nselect 1", "a.sql")
    assert [one.text for one in requirements(query)] == ["pg>=16", "role:x", "primary"]
    assert requirements(queries.inline("select 1")) == ()
    with pytest.raises(QueryFileError, match=r'^a.sql:2: @requires "pgg" is not a requirement'):
        queries.load("-- name: a\n-- @requires pgg\nselect 1", "a.sql")


VARIANTS = (
    "-- name: a\n-- @requires pg<17\nselect 1;\n-- name: a\n-- @requires pg>=17\nselect 2;\n-- name: b\nselect 3;\n"
)


def test_variants_have_one_name() -> None:
    """Queries of one name in a file are variants, if each requires another database; all of them are picked."""
    found = queries.load(VARIANTS, "a.sql")
    assert [query.name for query in found] == ["a", "a", "b"]
    assert [query.sql for query in queries.pick_variants(found, "a", "a.sql")] == ["select 1", "select 2"]


@pytest.mark.parametrize("second", ["-- @requires pg<17\n", ""])
def test_what_requires_the_same_or_nothing_is_no_variant(second: str) -> None:
    """It could never be told which of them runs."""
    with pytest.raises(QueryFileError, match=r'a.sql:7: "b" is already the name of the query on line 4|a.sql:4: "b"'):
        queries.load(f"-- name: b\n-- @requires pg<17\nselect 1;\n-- name: b\n{second}select 2", "a.sql")
    with pytest.raises(QueryFileError, match='"b" is already the name of the query on line 1'):
        queries.load("-- name: b\nselect 1;\n-- name: b\n-- @requires pg<17\nselect 2", "a.sql")

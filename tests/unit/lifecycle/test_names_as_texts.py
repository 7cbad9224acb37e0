"""A name in double quotes that no column has is found on SQLite, which takes it for a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.lifecycle.names_as_texts import find_name_as_text
from bulkq.model import Target
from bulkq.query import inline
from bulkq.targets import open_target
from tests.support.checks import load, run, verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sqlite_files import SqliteFile

SCHEMES = ("sqlite", "sqlite+pysqlite", "sqlite+apsw")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("select id from t where state is null", ""),
        ('select "id" as "other name" from "t" as "u" where "u"."id" > 0 order by "other name"', ""),
        ('select id from t where "status" is null', "status"),
        ('select id from t\n where "id" = :id and "it\'s" = 1', "it's"),
        ("select id from t where state = 'status' and \"status\" = missing", ""),
    ],
)
async def test_a_name_that_no_column_has(sqlite_file: SqliteFile, scheme: str, sql: str, name: str) -> None:
    """Columns and aliases are found; a query that SQLite refuses is not asked about."""
    path = sqlite_file("create table t (id integer, state text)")
    connection = await open_target(Target(url=f"{scheme}:///{path}"), application_name="test", read_only=True).connect()
    try:
        found = await find_name_as_text(connection, inline(sql, "sqlite"))
    finally:
        await connection.close()
    assert (found is not None) == bool(name)
    if found is not None:
        assert found.line == 1 + sql.count("\n")
        assert f'no column is named "{name}", so SQLite takes it for a text' in found.message


async def test_a_check_of_a_name_that_no_column_has_is_an_error(sqlite_file: SqliteFile) -> None:
    """It would never find a row, and pass for ever; the others are not affected."""
    path = sqlite_file("create table t (id integer, state text); insert into t values (1, null)")
    text = '-- name: a\nselect id from t where "status" is null;\n-- name: b\nselect id from t where "state" is null;'
    summary = await run(load(text, "q.sql"), f"sqlite:///{path}")
    assert (verdicts(summary), summary.exit_code) == ({"a": "error", "b": "fail"}, 3)
    assert summary.checks[0].message.endswith("correct the name, or write 'status' (q.sql:2)")


async def test_a_check_of_the_table_that_its_parameter_set_names(sqlite_file: SqliteFile, tmp_path: Path) -> None:
    """The names in double quotes are looked for in the table of the first set; without a set that names one, in none."""
    path = sqlite_file("create table t (id integer, state text)")
    names = tmp_path / "names.csv"
    names.write_text("n\nt\n")
    text = (
        '-- name: a\n-- @param n ident\nselect id from :{n} where "status" is null;\n'
        '-- name: b\n-- @param n ident\nselect "id" from :{n};\n'
    )
    summary = await run(load(text, "q.sql"), f"sqlite:///{path}", specs=(str(names),))
    assert verdicts(summary) == {"a": "error", "b": "pass"}
    summary = await run(load(text, "q.sql"), f"sqlite:///{path}", specs=("sql:select 't' as n",))
    assert verdicts(summary) == {"a": "pass", "b": "pass"}

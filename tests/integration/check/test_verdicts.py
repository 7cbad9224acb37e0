"""The verdict of every check, with its value, its rows and the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.reports.write import FORMATS
from tests.support.checks import by_name, run, verdicts
from tests.support.libpq import as_scheme
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


MIXED = """\
-- name: clean
-- Nothing to see.
-- @owner data
-- @tags nightly
select 1 as id where 1 = 0;
-- name: dirty
-- @sample 2
-- @mask Email
select 1 as id, 'a@b.c' as email union all select 2, null union all select 3, 'x@y.z' order by 1;
-- name: ratio
-- @expect value >= 0.5
select 0.75;
-- name: null_value
-- @expect value = 0
select null;
-- name: two_columns
-- @expect value = 0
select 1, 2;
-- name: warned
-- @warn rows > 0
select 1 as one;
-- name: known
-- @until 2999-01-01
select 1 as one;
-- name: typo
select nope from nowhere;
-- name: hidden_typo
-- @mask emial
select 'a@b.c' as email;
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_every_verdict(kind: str, postgres_url: str, sqlite_file: SqliteFile) -> None:
    """Pass, warn, fail, error, each with its measured value and its rows; the exit code is that of the worst."""
    url = postgres_url if kind == "postgresql" else f"sqlite:///{sqlite_file()}"
    summary = await run(MIXED, url)
    assert verdicts(summary) == {
        "clean": "pass",
        "dirty": "fail",
        "ratio": "pass",
        "null_value": "error",
        "two_columns": "error",
        "warned": "warn",
        "known": "warn",
        "typo": "error",
        "hidden_typo": "error",
    }
    assert (summary.exit_code, summary.ok, summary.failed, summary.unknown) == (3, 4, 1, 4)
    found = by_name(summary)
    assert (found["clean"].rows, found["clean"].owner, found["clean"].tags) == (0, "data", ("nightly",))
    assert found["clean"].description == "Nothing to see."
    assert found["dirty"].sample == (("1", "***"), ("2", None))
    assert (found["dirty"].columns, found["dirty"].rows) == (("id", "email"), 3)
    assert found["ratio"].value == "0.75"
    assert found["hidden_typo"].message == '@mask "emial" is not a column of the result (email): nothing is shown'
    assert not found["hidden_typo"].sample
    assert found["typo"].sqlstate == ("42P01" if kind == "postgresql" else "SQLITE_ERROR")
    assert all(result.elapsed_s > 0 for result in summary.checks)


async def test_exit_codes_of_checks(postgres_url: str) -> None:
    """0 for passes and warnings, 1 for a failure."""
    assert (await run("-- @warn rows > 0\nselect 1", postgres_url)).exit_code == 0
    assert (await run("select 1", postgres_url)).exit_code == 1


async def test_what_would_write_is_an_error_and_changes_nothing(database: str, sqlite_file: SqliteFile) -> None:
    """Of that check only; what acts on the session is not even sent."""
    servers.execute(
        database,
        "create table t (id int primary key)",
        "create function writes() returns int language sql as 'insert into t values (1) returning id'",
    )
    text = (
        "-- name: calls\nselect writes();\n-- name: deletes\ndelete from t;\n-- name: returning\n"
        "insert into t values (1) returning id;\n-- name: commits\ncommit;\n-- name: vacuums\nvacuum t;\n-- name: fine\nselect 1 where false;"
        "\n-- name: outside\n-- @transaction off\nselect writes();"
    )
    summary = await run(text, database)
    assert verdicts(summary) == dict.fromkeys(
        ("calls", "deletes", "returning", "commits", "vacuums", "outside"), "error"
    ) | {"fine": "pass"}
    assert servers.execute(database, "select count(*) from t")[0][0] == 0
    assert by_name(summary)["calls"].sqlstate == "25006"
    assert "a check only reads" in by_name(summary)["calls"].message
    assert "was not sent" in by_name(summary)["commits"].message
    path = sqlite_file("create table t (id int)")
    found = await run("-- name: a\ninsert into t values (1);\n-- name: b\nselect 1 where 0;", f"sqlite:///{path}")
    assert verdicts(found) == {"a": "error", "b": "pass"}
    assert "a check only reads" in by_name(found)["a"].message


async def test_nothing_to_check_is_an_error(postgres_url: str, tmp_path: Path) -> None:
    """No check, no target, no parameter set: green would be a lie, unless it was allowed."""
    with pytest.raises(UsageError, match="no check was selected"):
        await run((), postgres_url)
    with pytest.raises(UsageError, match="no target"):
        await run("select 1")
    (tmp_path / "none.csv").write_text("n\n")
    params = (str(tmp_path / "none.csv"),)
    summary = await run("select :n::int", postgres_url, params=params)
    assert (summary.exit_code, summary.checks[0].message) == (
        3,
        "there are no parameter sets: nothing was checked (--allow-empty permits that)",
    )
    allowed: dict[str, object] = {"allow_empty": True}
    assert (await run("select :n::int", postgres_url, params=params, checks=allowed)).exit_code == 0
    assert (await run((), postgres_url, checks=allowed)).exit_code == 0
    assert (await run("select 1", checks=allowed)).exit_code == 0


async def test_bytes_in_the_text_of_a_query(sqlite_file: SqliteFile) -> None:
    """A literal that is no UTF-8 can be prepared and run."""
    summary = await run("-- @expect not empty\nselect x'ff00' as b", f"sqlite:///{sqlite_file('')}")
    assert [str(result.verdict) for result in summary.checks] == ["pass"]


async def test_a_value_that_is_too_long_for_a_report(sqlite_file: SqliteFile) -> None:
    """It is compared whole, and shown and kept as far as people read."""
    long = "-- name: a\n-- @expect value = 'y'\nselect replace(hex(zeroblob(500000)), '0', 'y');"
    url = f"sqlite:///{sqlite_file('')}"
    summary = await run(long, url)
    (result,) = summary.checks
    assert (str(result.verdict), result.value) == ("fail", f"{'y' * 1000}... (999,000 more characters)")
    cells = await run("select replace(hex(zeroblob(2500)), '0', 'y') as v", url)
    for text in (FORMATS["text"], FORMATS["html"], FORMATS["markdown"], FORMATS["tap"]):
        assert f"{'y' * 300}... (4,700 more characters)" in text(cells)
    assert f'"{"y" * 1000}... (4,000 more characters)"' in FORMATS["json"](cells)
    assert f"{'y' * 1000}... (999,000 more characters)" in FORMATS["json"](summary)


async def test_limits_of_a_file_and_of_the_command(database: str) -> None:
    """`@timeout`, `@lock_timeout` and `@retries` hold where no option says otherwise."""
    text = "-- @timeout 100ms\n-- @lock_timeout 50ms\n-- @retries 0\nselect pg_sleep(0.3)"
    assert (await run(text, database)).checks[0].message == "timed out after 0.1s"
    assert (await run(text, database, timeout_given=True, timeout_s=5.0)).checks[0].rows == 1


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
async def test_floating_point_numbers_have_all_their_digits(database: str, scheme: str) -> None:
    """A database that cuts their texts hides no difference, and a query of parameter sets finds its own rows again."""
    servers.execute(database, "create table f as select 0.1::float8 + 0.2::float8 as v")
    servers.execute(
        database,
        "do $$ begin execute format('alter database %I set extra_float_digits = 0', current_database()); end $$",
    )
    text = (
        "-- name: a\n-- @expect same as b\nselect v from f;\n-- name: b\n-- @expect not empty\nselect 0.3::float8;\n"
        "-- name: c\n-- @params sql:select v from f\n-- @expect not empty\nselect v from f where v = :v::float8;"
    )
    summary = await run(text, as_scheme(database, scheme))
    assert verdicts(summary) == {"a": "fail", "b": "pass", "c": "pass"}
    assert by_name(summary)["a"].sample == (("a", "0.30000000000000004"), ("b", "0.3"))

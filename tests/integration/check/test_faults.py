"""Servers, statements and ledgers that fail: the check is an error, never green."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.checks import verdict as deciding
from bulkq.errors import BulkqError
from bulkq.model import CheckResult, Verdict
from tests.support.checks import by_name, run, verdicts
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from bulkq.checks.verdict import CheckDecision
    from bulkq.model.check_conditions import CheckRules
    from tests.support.sqlite_files import SqliteFile


@pytest.mark.parametrize("expect", ["value = 1", "same as other"])
async def test_what_breaks_on_one_check_is_its_error(
    expect: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours takes nothing from the others, nor the run and its reports."""
    right = deciding.decide

    def wrong(rules: CheckRules, *more: object) -> CheckDecision:
        if rules.sample == 7:
            raise ZeroDivisionError("seven")
        return right(rules, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(deciding, "decide", wrong)
    text = (
        f"-- name: odd\n-- @sample 7\n-- @expect {expect}\nselect 1;\n-- name: other\n-- @expect not empty\nselect 1;"
    )
    summary = await run(text, postgres_url)
    assert verdicts(summary) == {"odd": "error", "other": "pass"}
    assert by_name(summary)["odd"].message == "internal error: ZeroDivisionError: seven (report it)"
    assert (summary.exit_code, summary.unknown, summary.ok) == (3, 1, 1)


# --- faults --------------------------------------------------------------------------------------------------------


async def faulty(text: str, url: str, **more: object) -> CheckResult:
    summary = await run(text, url, **more)
    assert summary.exit_code == 3
    (result,) = summary.checks
    assert result.verdict is Verdict.ERROR
    return result


async def test_a_server_that_is_gone_or_lets_nobody_in(
    postgres: servers.PostgresServer, sqlite_file: SqliteFile
) -> None:
    """Gone at the start, a wrong database, no such file: an error with the reason."""
    assert "connection refused" in (await faulty("select 1 where false", "postgresql://x@127.0.0.1:1/d")).message
    nowhere = servers.database_url(postgres.url, "no_such_database")
    assert "no_such_database" in (await faulty("select 1 where false", nowhere)).message
    missing = sqlite_file().with_name("missing.db")
    assert "missing.db" in (await faulty("select 1 where 0", f"sqlite:///{missing}")).message
    assert not missing.exists()


async def test_a_wrong_password(database: str) -> None:
    """A role that the server does not let in is an error with the server's reason, never a password."""
    name = "bulkq_check_nologin"
    servers.execute(database, f"drop role if exists {name}", f"create role {name} nologin password 'right'")
    try:
        parts = database.partition("://")[2].partition("@")
        result = await faulty("select 1 where false", f"postgresql://{name}:wrong-secret@{parts[2] or parts[0]}")
        assert name in result.message
        assert "wrong-secret" not in str(result)
    finally:
        servers.execute(database, f"drop role {name}")


async def test_a_server_that_goes_away_in_the_middle(proxy: object, database: str) -> None:
    """Its checks are errors after a short wait; nothing hangs, and what had ended keeps its verdict."""
    url = proxy.through(database)  # type: ignore[attr-defined]
    text = "-- name: early\nselect 1 where false;\n-- name: cut\nselect pg_sleep(20);\n-- name: later\nselect 1 where false;"

    async def cut() -> None:
        await asyncio.sleep(0.5)
        await proxy.close()  # type: ignore[attr-defined]

    cutting = asyncio.create_task(cut())
    async with asyncio.timeout(15):
        summary = await run(text, url, concurrency=1, outage_s=0.4)
    await cutting
    assert verdicts(summary) == {"early": "pass", "cut": "error", "later": "error"}
    assert summary.exit_code == 3
    assert "was unreachable" in by_name(summary)["later"].message


async def test_a_lock_and_a_timeout(database: str) -> None:
    """A table that somebody keeps to himself, and a query that takes too long."""
    servers.execute(database, "create table t (id int)")
    import asyncpg

    holder = await asyncpg.connect(database)
    try:
        await holder.execute("begin; lock table t in access exclusive mode")
        began_s = time.monotonic()
        locked = await faulty("select * from t", database, lock_timeout_s=0.05, retries=0)
        assert locked.sqlstate == "55P03"
        assert time.monotonic() - began_s < 3  # the description waits no longer than the query may
        assert f"it may have waited for pid {holder.get_server_pid()} (" in locked.message
        assert "which has locked t exclusively" in locked.message
    finally:
        await holder.close()
    slow = await faulty("select pg_sleep(10)", database, timeout_s=0.1)
    assert slow.message == "timed out after 0.1s"


async def test_a_statement_that_somebody_cancels(database: str) -> None:
    """Tried once more, then an error."""
    import asyncpg

    running = asyncio.create_task(run("select pg_sleep(20)", database))
    other = await asyncpg.connect(database)
    cancelled = 0
    try:
        async with asyncio.timeout(15):
            while cancelled < 2:
                await asyncio.sleep(0.05)
                cancelled += await other.fetchval(
                    "select count(*) from (select pg_cancel_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
                    "and datname = current_database() and state = 'active' and query like '%pg_sleep(20)%' offset 0) x"
                )
            summary = await running
    finally:
        await other.close()
    assert (summary.exit_code, summary.checks[0].message) == (3, "canceling statement due to user request")


async def test_a_result_that_is_too_large(database: str, sqlite_file: SqliteFile) -> None:
    """Rows are counted to the limit and no further; where a piece ends does not matter."""
    checks: dict[str, object] = {"most_rows": 20_000}
    large = await faulty("select * from generate_series(1, 40000)", database, checks=checks)
    assert large.message == "the result is too large: more than 20,000 rows: count them in SQL, or raise --max-rows"
    small: dict[str, object] = {"most_rows": 2}
    await faulty("select * from generate_series(1, 3)", database, checks=small)
    assert (await run("select * from generate_series(1, 20000)", database, checks=checks)).checks[0].rows == 20_000
    endless = "with recursive c(n) as (select 1 union all select n + 1 from c) select n from c"
    await faulty(endless, f"sqlite:///{sqlite_file()}", checks=checks)


async def test_a_table_that_may_not_be_read(database: str) -> None:
    """No permission is an error with the server's words."""
    name = "bulkq_check_reader"
    servers.execute(
        database, f"drop role if exists {name}", f"create role {name}", "create table secret (id int)",
        "create function as_reader() returns text language sql as 'select set_config(''role'', ''bulkq_check_reader'', true)'",
    )  # fmt: skip
    try:
        result = await faulty(
            "with r as materialized (select as_reader() as x) select query_to_xml('select * from secret', true, true, '') from r where x is not null",
            database,
        )
        assert (result.sqlstate, result.message) == ("42501", "permission denied for table secret")
    finally:
        servers.execute(database, f"drop owned by {name}", f"drop role {name}")


async def test_no_column_to_look_at(database: str, sqlite_file: SqliteFile) -> None:
    """A statement that returns no columns is no answer; nor is a PRAGMA whose name SQLite does not know."""
    for text, url in ("select where false", database), ("pragma foreign_key_chek", f"sqlite:///{sqlite_file()}"):
        result = await faulty(text, url)
        assert result.message == "the statement returns no columns: there is nothing to look at"


async def test_masked_values_do_not_come_through_an_error(database: str) -> None:
    """A server repeats values in its messages; a check that masks columns shows none of them."""
    result = await faulty("-- @mask email\nselect email::int as email from (values ('a@b.c')) t(email)", database)
    assert result.sqlstate == "22P02"
    assert "a@b.c" not in result.message


async def test_a_ledger_that_fails_is_not_green(postgres_url: str, tmp_path: Path) -> None:
    """A folder that is not there stops everything before the first statement."""
    with pytest.raises(BulkqError):
        await run("select 1 where false", postgres_url, ledger=str(tmp_path / "no" / "ledger.db"))

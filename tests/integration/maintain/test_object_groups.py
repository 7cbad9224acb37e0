"""Small tables that travel in one command: each ends as what it is, and none is done twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.model.maintenance import NOT_WHOLE
from bulkq.tasks.maintain import maintain
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry
from tests.support.maintenance import build, reasons, role, run, session, waiting_session
from tests.support.notices import Notices
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.postgres import PostgresServer

NAMES = [f"public.t{n:02}" for n in range(30)]
COUNTS = "SELECT relname::text, {}_count FROM pg_stat_user_tables WHERE schemaname = 'public'"
QUICK = ("--lock-timeout", "50ms", "--retries", "0", "-j", "1")


@pytest.fixture
def tables(database: str) -> str:
    """The database with 30 small tables, of which each has a TOAST table."""
    made = "; ".join(
        f"CREATE TABLE {name} AS SELECT g AS id, 'x'::text AS v FROM generate_series(1, 5) AS g" for name in NAMES
    )
    execute(database, f"DO $$ BEGIN {made}; END $$")
    return database


def counts(url: str, command: str = "vacuum") -> dict[str, int]:
    """How often each table was done."""
    return {f"public.{name}": int(str(count)) for name, count in execute(url, COUNTS.format(command))}


@pytest.mark.parametrize("command", ["vacuum", "analyze"])
@pytest.mark.parametrize("how", [(), ("--skip-locked",)])
@pytest.mark.parametrize("mode", ["ACCESS EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"])
async def test_m8_a_locked_table_ends_the_list_and_the_others_are_done_once(
    tables: str, tmp_path: Path, command: str, how: tuple[str, ...], mode: str
) -> None:
    """Those before it are known by their proofs, the others are done one by one. The lock is taken after the objects were listed.

    ACCESS EXCLUSIVE ends the command before its first table; the other mode at the locked one.
    """
    with waiting_session(tables) as other:
        lock = Notices(when_started=lambda: other(f"BEGIN; LOCK TABLE t17 IN {mode} MODE"))
        summary = await run(tables, tmp_path, command, "--order", "size", *how, *QUICK, observers=(lock,))
    assert (summary.ok, summary.skipped, set(reasons(summary))) == (29, 1, {"public.t17"}), reasons(summary)
    assert counts(tables, command) == {name: int(name != "public.t17") for name in NAMES}
    assert sorted(one.name for one in summary.objects) == NAMES


@pytest.mark.parametrize("alone", [False, True], ids=["list", "alone"])
async def test_a_toast_table_that_was_skipped_in_silence(tables: str, tmp_path: Path, alone: bool) -> None:
    """SKIP_LOCKED gives no warning for it. The table is not done then, in a list or alone, and is once the lock is free."""
    toast = execute(tables, "SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 't17'")[0][0]
    with waiting_session(tables) as other:
        other(f"BEGIN; REINDEX TABLE {toast}")
        named = ("--table", "t17") if alone else ()
        summary = await run(tables, tmp_path, "vacuum", "--skip-locked", *named, *QUICK)
    assert (summary.ok, summary.skipped) == (0 if alone else 29, 1)
    assert reasons(summary) == {"public.t17": ("skipped", NOT_WHOLE)}
    assert (await run(tables, tmp_path, "vacuum", "--skip-locked", "--table", "t17")).ok == 1
    assert execute(tables, f"SELECT vacuum_count FROM pg_stat_all_tables WHERE relid = '{toast}'::regclass")[0][0] == 1


async def test_sizes_before_and_after(tables: str, tmp_path: Path) -> None:
    """Of tables that travel together, too: those that VACUUM has truncated are smaller."""
    execute(
        tables,
        "INSERT INTO t03 SELECT g, repeat('x', 500) FROM generate_series(1, 500) AS g",
        "DELETE FROM t03 WHERE id > 1",
    )
    execute(tables, "ANALYZE")
    before = execute(tables, "SELECT pg_total_relation_size('t03')::float8")[0][0]
    summary = await run(tables, tmp_path, "vacuum", "-j", "1")
    sizes = {one.name: (one.before, one.after) for one in summary.objects}
    assert sizes["public.t03"] == (before, execute(tables, "SELECT pg_total_relation_size('t03')::float8")[0][0])
    assert sizes["public.t03"] > sizes["public.t04"]
    assert all(after for _, after in sizes.values())
    execute(
        tables,
        "TRUNCATE t04",
        "INSERT INTO t04 SELECT g, 'x' FROM generate_series(1, 2000) AS g",
        "CREATE INDEX i05 ON t05 (id)",
        "CLUSTER t05 USING i05",
    )
    summary = await run(tables, tmp_path, "vacuum", "-j", "1")  # it adds the maps of free space and of visible rows
    sizes = {one.name: one.after for one in summary.objects}
    for name in ("t04", "t05"):
        assert sizes[f"public.{name}"] == execute(tables, f"SELECT pg_total_relation_size('{name}')::float8")[0][0]
    [alone] = (await run(tables, tmp_path, "vacuum", "--skip-locked", "--table", "t04")).objects
    size = execute(tables, "SELECT pg_total_relation_size('t04')::float8")[0][0]
    assert (alone.before, alone.after) == (size, size)


async def test_m1_a_warning_belongs_to_the_table_that_did_not_move(tables: str, tmp_path: Path) -> None:
    """The right goes after the list was made: that table has its own reason, the others are done, once."""
    grants = (*(f"ALTER TABLE {name} OWNER TO {{role}}" for name in NAMES),)
    async with role(tables, *grants) as url:
        taken = Notices(when_started=lambda: execute(tables, "ALTER TABLE t09 OWNER TO CURRENT_USER", "DROP TABLE t20"))
        summary = await run(url, tmp_path, "vacuum", "-j", "1", observers=(taken,))
        assert set(reasons(summary)) == {"public.t09", "public.t20"}
        assert (summary.ok, summary.skipped, summary.failed) == (28, 1, 1)
        assert "vacuum" in reasons(summary)["public.t09"][1]
        assert counts(tables) == {name: int(name != "public.t09") for name in NAMES if name != "public.t20"}


async def test_a_stop_keeps_what_is_done(tables: str, tmp_path: Path) -> None:
    """The list waits for a lock when the run is stopped: the tables before it count, and a resume does the others, once."""
    control = Control()
    made = build(tables, tmp_path, "vacuum", "-j", "1", "--lock-timeout", "none")

    def done() -> int:
        whole = "relname LIKE 't__' AND pg_stat_get_vacuum_count(reltoastrelid) > 0"
        return int(str(execute(tables, f"SELECT count(*) FROM pg_class WHERE {whole}")[0][0]))

    async with session(tables) as other, other.transaction():
        await other.execute("LOCK TABLE t29 IN SHARE UPDATE EXCLUSIVE MODE")

        async def stop() -> None:
            while done() < 29:  # a table is done when its TOAST table, which comes second, is
                await asyncio.sleep(0.02)
            control.cancel("stopped by the test")

        stopped = Notices(when_started=lambda: asyncio.ensure_future(stop()))
        summary = await maintain(made, control=control, observers=(stopped,))
    assert (summary.ok, summary.unknown) == (29, 0), (summary, reasons(summary))
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    again = await resume(summary.run, ledger=ledger, changes={}, control=Control())
    assert (again.ok, again.exit_code, counts(tables)) == (30, 0, dict.fromkeys(NAMES, 1))


async def test_indexes_of_one_transaction_end_as_each_of_them_does(database: str, tmp_path: Path) -> None:
    """One whose lock is not free, that is gone, fails, or takes too long. Those before and behind it are rebuilt, and a retry does the rest."""
    names = [f"t{n:02}" for n in range(30)]
    function = (
        "CREATE OR REPLACE FUNCTION {}(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN {} RETURN $1; END $$"
    )
    functions = [function.format(name, "") for name in ("bad", "slow")]
    keys = {"t11": "bad(id)", "t19": "slow(id)"}
    tables = [
        f"CREATE TABLE {name} AS SELECT 1 AS id; CREATE INDEX {name}_key ON {name} ({keys.get(name, 'id')})"
        for name in names
    ]
    execute(database, *functions, *(made for table in tables for made in table.split("; ")))
    files = "SELECT relname::text, pg_relation_filenode(oid)::text FROM pg_class WHERE relname LIKE 't___key'"
    before = dict(execute(database, files))
    limits = ("--lock-timeout", "50ms", "--retries", "1", "--timeout", "500ms", "-j", "1", "--no-concurrently")
    with waiting_session(database) as other:

        def disturb() -> None:
            other("BEGIN; LOCK TABLE t05 IN ROW EXCLUSIVE MODE")
            execute(database, "DROP TABLE t08", function.format("bad", "$1 := 1 / 0;"))
            execute(database, function.format("slow", "PERFORM pg_sleep(5);"))

        summary = await run(
            database, tmp_path, "reindex", "--order", "size", *limits, observers=(Notices(when_started=disturb),)
        )
    found = reasons(summary)
    assert {name: outcome for name, (outcome, _) in found.items()} == {
        "public.t05_key": "skipped",
        "public.t08_key": "rolled_back",
        "public.t11_key": "rolled_back",
        "public.t19_key": "rolled_back",
    }
    assert [found[f"public.{name}_key"][1].partition(" in")[0] for name in ("t05", "t08", "t11")] == [
        "canceling statement due to lock timeout",
        "it is gone: another session has dropped or renamed it since the run began",
        "division by zero",
    ]
    assert found["public.t05_key"][1].endswith(" in 2 tries")
    assert found["public.t19_key"][1] == "timed out after 0.5s"
    assert (summary.ok, summary.failed, summary.skipped, summary.unknown) == (26, 3, 1, 0)
    now = dict(execute(database, files))
    assert {name for name in now if now[name] == before[name]} == {"t05_key", "t11_key", "t19_key"}
    assert sorted(one.name for one in summary.objects) == [f"public.{name}_key" for name in names]
    execute(database, *functions)
    again = await retry(summary.run, ledger=f"sqlite:///{tmp_path}/ledger.db", changes={}, control=Control())
    assert (again.ok, again.exit_code) == (30, 0)
    last = dict(execute(database, files))
    assert {name for name in last if last[name] != now[name]} == {"t05_key", "t11_key", "t19_key"}


FILES = "SELECT relname::text, pg_relation_filenode(oid)::text FROM pg_class WHERE relname LIKE 't___key'"


async def test_a_transaction_of_indexes_ends_no_transaction_of_another_session(tables: str, tmp_path: Path) -> None:
    """The other session writes to a later table, and then to the first: it would be the victim of a deadlock."""
    execute(tables, *(f"CREATE INDEX {name[7:]}_key ON {name} (id)" for name in NAMES))
    before = dict(execute(tables, FILES))
    async with session(tables) as other:
        await other.execute("BEGIN; SET LOCAL deadlock_timeout = '200ms'; INSERT INTO t09 VALUES (6)")

        async def write() -> None:
            waits = "SELECT FROM pg_locks WHERE relation = 't09'::regclass AND NOT granted"
            while not await asyncio.to_thread(execute, tables, waits):
                await asyncio.sleep(0.005)
            await other.execute("INSERT INTO t00 VALUES (6); INSERT INTO t29 VALUES (6)")
            await asyncio.sleep(0.5)
            await other.execute("COMMIT")

        writing = Notices(when_started=lambda: asyncio.ensure_future(write()))
        how = ("--no-concurrently", "--order", "size", "-j", "1")
        summary = await run(tables, tmp_path, "reindex", *how, observers=(writing,))
    assert (summary.ok, summary.exit_code) == (30, 0), reasons(summary)
    now = dict(execute(tables, FILES))
    assert not {name for name in now if now[name] == before[name]}
    assert execute(tables, "SELECT count(*) FROM t00 WHERE id = 6")[0][0] == 1


async def test_a_stop_leaves_the_indexes_of_a_transaction_as_they_were(tables: str, tmp_path: Path) -> None:
    """They are not done, and a resume rebuilds them."""
    slow = (
        "CREATE OR REPLACE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN {} RETURN $1; END $$"
    )
    execute(tables, slow.format(""), *(f"CREATE INDEX {name[7:]}_key ON {name} (slow(id))" for name in NAMES[:8]))
    execute(tables, slow.format("IF $1 = 3 THEN PERFORM pg_sleep(20); END IF;"))
    before, control = dict(execute(tables, FILES)), Control()
    sleeps = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"

    async def stop() -> None:
        while not await asyncio.to_thread(execute, tables, sleeps):
            await asyncio.sleep(0.02)
        control.cancel("stopped by the test")

    stopped = Notices(when_started=lambda: asyncio.ensure_future(stop()))
    made = build(tables, tmp_path, "reindex", "--no-concurrently", "-j", "1")
    summary = await maintain(made, control=control, observers=(stopped,))
    assert (summary.ok, summary.unknown) == (0, 0), reasons(summary)
    assert dict(execute(tables, FILES)) == before
    execute(tables, slow.format(""))
    again = await resume(summary.run, ledger=f"sqlite:///{tmp_path}/ledger.db", changes={}, control=Control())
    assert (again.ok, again.exit_code) == (8, 0)
    assert not dict(execute(tables, FILES)).items() & before.items()


class Crash(Notices):
    """Ends the server at once when the first command has ended."""

    def __init__(self, server: PostgresServer) -> None:
        super().__init__()
        self._server: PostgresServer | None = server

    def batch_done(self, result: object) -> None:
        del result
        server, self._server = self._server, None
        if server is not None:
            server.restart("immediate")


@pytest.mark.parametrize("how", [("--order", "size"), ("--order", "dead"), ("--analyze", "--skip-locked")])
async def test_a_crash_takes_the_work_away(
    tables: str, postgres: PostgresServer, tmp_path: Path, how: tuple[str, ...]
) -> None:
    """Tables whose VACUUM had ended just before are named, in whatever order they are done, together or alone."""
    summary = await run(tables, tmp_path, "vacuum", *how, "-j", "1", observers=(Crash(postgres),))
    done = execute(tables, "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+$' AND relallvisible > 0")[0][0]
    lost = summary.reason.partition("soon after ")[2]
    alone = "--analyze" in how  # the ANALYZE of a table waits for the disk
    assert summary.exit_code == int(not alone or done < len(NAMES))
    assert alone or "whose work may be lost" in lost
    assert int((lost or "0").split()[0]) >= len(NAMES) - int(str(done))

"""Objects that another session renames, drops or replaces while a maintenance run works, or before it is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.stop_control import Control
from bulkq.tasks.report import recall_summary
from bulkq.tasks.resume import resume
from tests.support.maintenance import run, script, session
from tests.support.notices import Notices
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ("--lock-timeout", "50ms", "--retries", "0")
ANALYZED = "SELECT relname::text, analyze_count::int FROM pg_stat_user_tables ORDER BY 1"


async def test_a_table_that_was_renamed_before_a_resume(database: str, tmp_path: Path) -> None:
    """It is done under its new name, and said; one that was dropped is gone."""
    script(database, "; ".join(f"CREATE TABLE {name} (id int)" for name in "abcd"))
    notices = Notices()
    async with session(database) as other:
        await other.execute("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        summary = await run(
            database, tmp_path, "vacuum", "--skip-locked", "--analyze", "-j", "1", "--retries", "0", "--deadline", "1s"
        )
        await other.execute("ROLLBACK")
        assert "public.a" in {one.source for one in summary.failures}
        await other.execute("CREATE SCHEMA s; ALTER TABLE a SET SCHEMA s; ALTER TABLE s.a RENAME TO z")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    done = await resume(
        summary.run, ledger=ledger, changes={"deadline_s": None}, control=Control(), observers=[notices]
    )
    assert (done.exit_code, done.ok) == (0, 4)
    assert "public.a was renamed since the run began: it is s.z now" in notices.lines
    assert not [line for line in notices.lines if "gone since" in line]
    async with session(database) as other:
        assert await other.fetchval("SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'z'") == 1


async def test_a_table_that_has_the_former_name_of_another(database: str, tmp_path: Path) -> None:
    """Each is done once, as the table that it was when the run began; one whose name went to another was dropped."""
    script(database, "; ".join(f"CREATE TABLE {name} (id int)" for name in "abcde"))
    notices = Notices()
    async with session(database) as other:
        await other.execute("BEGIN; LOCK TABLE a, b, c, d IN ACCESS EXCLUSIVE MODE")
        summary = await run(database, tmp_path, "analyze", *QUICK)
        assert (summary.ok, summary.skipped) == (1, 4)
        await other.execute("ROLLBACK; ALTER TABLE a RENAME TO z; ALTER TABLE b RENAME TO a; DROP TABLE c")
        await other.execute("ALTER TABLE d RENAME TO c; CREATE TABLE b (id int)")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    done = await resume(summary.run, ledger=ledger, changes={}, control=Control(), observers=[notices])
    assert (done.exit_code, done.ok) == (0, 5)
    assert {line for line in notices.lines if "renamed since" in line} == {
        f"public.{then} was renamed since the run began: it is public.{now} now" for then, now in ("az", "ba", "dc")
    }
    assert [line for line in notices.lines if "1 object gone since the run began (public.c)" in line]
    counts = dict.fromkeys("acez", 1) | {"b": 0}
    assert dict(execute(database, ANALYZED)) == counts


async def test_objects_that_nothing_proves(database: str, tmp_path: Path) -> None:
    """A materialized view and a partitioned table are known by their oids. The report lists each once."""
    script(
        database,
        "CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)",
        "CREATE MATERIALIZED VIEW v AS SELECT * FROM p; CREATE MATERIALIZED VIEW w AS SELECT * FROM v",
    )
    async with session(database) as other:
        await other.execute("BEGIN; DROP MATERIALIZED VIEW v CASCADE; LOCK TABLE ONLY p IN ACCESS EXCLUSIVE MODE")
        runs = [(await run(database, tmp_path, command, *QUICK)).run for command in ("refresh", "analyze")]
        await other.execute("ROLLBACK; INSERT INTO p VALUES (1)")
        await other.execute("ALTER TABLE p RENAME TO q; ALTER MATERIALIZED VIEW v RENAME TO z")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    refreshed, analyzed = [await resume(one, ledger=ledger, changes={}, control=Control()) for one in runs]
    assert (refreshed.exit_code, refreshed.ok, analyzed.exit_code, analyzed.ok) == (0, 2, 0, 4)
    assert execute(database, "SELECT (SELECT count(*) FROM z), (SELECT count(*) FROM w)") == [(1, 1)]
    assert dict(execute(database, ANALYZED))["q"] == 1
    for one, names in zip(runs, ("zw", ("q", "p1", "z", "w")), strict=True):
        listed = (await recall_summary(one, ledger=ledger)).objects
        assert {(found.name, str(found.state)) for found in listed} == {(f"public.{name}", "done") for name in names}


async def test_a_table_that_gives_its_name_away_while_the_run_works(database: str, tmp_path: Path) -> None:
    """The command is executed for the table that has the name then, so the former one is not done, and named."""
    script(database, "; ".join(f"CREATE TABLE {name} (id int)" for name in "abc"))
    swap = Notices(when_started=lambda: script(database, "ALTER TABLE b RENAME TO z; CREATE TABLE b (id int)"))
    summary = await run(database, tmp_path, "vacuum", "-j", "1", observers=(swap,))
    assert (summary.exit_code, summary.reason) == (1, "1 object reported as done did not move: public.b")

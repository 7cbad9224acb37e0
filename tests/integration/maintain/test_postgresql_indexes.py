"""Rebuilds of indexes that are cut off: what was done, what is left behind, and who may remove it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.engine.stop_control import Control
from bulkq.tasks.plan.plan_maintenance import plan_maintenance
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry
from tests.support.diagnostics import ask
from tests.support.maintenance import build, reasons, role, run, script, session
from tests.support.notices import Notices
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, 'x' FROM generate_series(1, 100) g"
SHORT = ("--lock-timeout", "300ms", "--retries", "0", "--after-lock-tries", "fail")


def indexes(url: str) -> Sequence[Sequence[object]]:
    """Name and validity of the indexes of `t` and of its TOAST table, without numbers."""
    return [
        tuple(row)
        for row in execute(
            url,
            "SELECT regexp_replace(i.indexrelid::regclass::text, '[0-9]{3,}', '0'), i.indisvalid FROM pg_index AS i "
            "WHERE i.indrelid IN ('t'::regclass, (SELECT reltoastrelid FROM pg_class WHERE oid = 't'::regclass)) ORDER BY 1",
        )
    ]


WHOLE = [("pg_toast.pg_toast_0_index", True), ("t_pkey", True)]


async def test_m3_a_rebuild_that_failed_after_the_swap_is_done(database: str, tmp_path: Path) -> None:
    """A reader that is idle ends it with a timeout; its index is in use, and the old one is removed when the reader has gone."""
    script(database, TABLE)
    before = execute(database, "SELECT 't_pkey'::regclass::oid")[0][0]
    notices = Notices()
    async with session(database) as reader:
        await reader.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")
        summary = await run(database, tmp_path, "reindex", *SHORT, observers=(notices,))
        assert (summary.ok, summary.failed, summary.exit_code) == (1, 0, 1)
        assert 'left behind: run DROP INDEX CONCURRENTLY "public"."t_pkey_ccold"' in summary.reason
        assert any("rebuilt, although it ended with" in line for line in notices.lines)
        await reader.execute("ROLLBACK")
    assert execute(database, "SELECT 't_pkey'::regclass::oid")[0][0] != before
    made = await plan_maintenance(build(database, tmp_path, "indexes"))
    assert [(one.facts.object.kind, one.facts.object.name) for one in made.targets[0].planned] == [
        ("leftover", "t_pkey_ccold")
    ]
    summary = await run(database, tmp_path, "indexes", "--repair")
    assert (summary.exit_code, summary.ok) == (0, 1)
    assert indexes(database) == WHOLE
    assert (await plan_maintenance(build(database, tmp_path, "indexes"))).targets[0].planned == ()


async def test_m3_a_rebuild_that_failed_before_the_swap_is_a_failure(database: str, tmp_path: Path) -> None:
    """A writer keeps it waiting; the new index is named, and the retry removes it, but not one that was there before the run."""
    script(database, TABLE, "CREATE UNIQUE INDEX t_pkey_ccold ON t (id)")
    execute(database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_pkey_ccold'::regclass")
    async with session(database) as writer:
        await writer.execute("BEGIN; INSERT INTO t VALUES (1000, 'y')")
        summary = await run(database, tmp_path, "reindex", *SHORT)
        assert (summary.ok, summary.failed, summary.exit_code) == (0, 1, 1)
        assert 'DROP INDEX CONCURRENTLY "public"."t_pkey_ccnew"' in summary.reason
        assert ("t_pkey_ccnew", False) in indexes(database)
        await writer.execute("ROLLBACK")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    again = await retry(summary.run, ledger=ledger, changes={}, control=Control())
    assert (again.run, again.exit_code, again.ok) == (summary.run, 0, 1)
    assert indexes(database) == [*WHOLE, ("t_pkey_ccold", False)]
    assert (await run(database, tmp_path, "indexes", "--repair")).exit_code == 0
    assert indexes(database) == WHOLE


async def test_m3_what_is_left_behind_goes_before_the_end(database: str, tmp_path: Path) -> None:
    """The last look of the run removes what could not be removed at once."""
    script(database, TABLE, "CREATE TABLE u (id int PRIMARY KEY)")
    async with session(database) as reader:
        await reader.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")
        task = asyncio.create_task(run(database, tmp_path, "reindex", "-j", "1", *SHORT))
        async with asyncio.timeout(20):
            while ("t_pkey_ccold", False) not in indexes(database):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        await reader.execute("ROLLBACK")
        summary = await task
    assert (summary.exit_code, summary.ok) == (0, 2)
    assert indexes(database) == WHOLE


async def test_m3_m4_a_leftover_that_a_plain_rebuild_made_valid_is_found(database: str, tmp_path: Path) -> None:
    """By its name and its definition; an index of the user with such a name and another definition is not one."""
    script(database, TABLE, "CREATE INDEX t_v_ccnew ON t (v); CREATE UNIQUE INDEX t_pkey_ccold ON t (id)")
    made = await plan_maintenance(build(database, tmp_path, "indexes"))
    assert [(one.facts.object.kind, one.facts.object.name) for one in made.targets[0].planned] == [
        ("leftover", "t_pkey_ccold")
    ]
    notices = Notices()
    await run(database, tmp_path, "reindex", observers=(notices,))
    assert any("1 leftover of earlier rebuilds (public.t_pkey_ccold)" in line for line in notices.lines)
    assert not any("invalid" in line for line in notices.lines)


async def test_invalid_indexes_are_named_where_all_others_are_rebuilt(database: str, tmp_path: Path) -> None:
    """If --table and --exclude mean their tables; the plan says it, too. A partition is meant by its parent."""
    script(
        database,
        TABLE,
        "CREATE INDEX t_v ON t (v)",
        "CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE INDEX p1_a ON p1 (a); CREATE INDEX p1_b ON p1 ((a + 1))",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('t_v'::regclass, 'p1_a'::regclass)",
    )
    text = "{} left out ({}): bulkq maintain indexes --repair rebuilds invalid indexes"
    for arguments, said in (
        ((), [text.format("2 invalid indexes", "public.p1_a, public.t_v")]),
        (("--exclude", "p1"), [text.format("1 invalid index", "public.t_v")]),
        (("--table", "p"), [text.format("1 invalid index", "public.p1_a")]),
    ):
        notices = Notices()
        await plan_maintenance(build(database, tmp_path, "reindex", *arguments), observers=(notices,))
        assert [line for line in notices.lines if "invalid" in line] == said
    notices = Notices()
    summary = await run(database, tmp_path, "reindex", observers=(notices,))
    assert (summary.ok, summary.exit_code) == (2, 0)
    assert text.format("2 invalid indexes", "public.p1_a, public.t_v") in notices.lines


async def test_m8_a_drop_that_was_cut_off_leaves_an_invalid_index(database: str, tmp_path: Path) -> None:
    """It is not done, and what it is now is said; a resume drops it."""
    script(database, TABLE, "CREATE UNIQUE INDEX t_pkey_ccold ON t (id)")
    async with session(database) as reader:
        await reader.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")
        summary = await run(database, tmp_path, "indexes", "--repair", "--lock-timeout", "200ms", "--retries", "0")
        await reader.execute("ROLLBACK")
    assert (summary.exit_code, summary.ok, summary.skipped) == (1, 0, 1)
    [(_, why)] = reasons(summary).values()
    assert why.endswith("the index is still there, and invalid now")
    assert ("t_pkey_ccold", False) in indexes(database)
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    done = await resume(summary.run, ledger=ledger, changes={}, control=Control())
    assert (done.exit_code, done.ok) == (0, 1)
    assert indexes(database) == WHOLE


async def test_m5_two_lanes_never_meet_on_a_table(database: str, tmp_path: Path) -> None:
    """With more lanes than tables, the indexes of a table are rebuilt one after the other, without a deadlock."""
    script(database, TABLE, *(f"CREATE INDEX t_v{n} ON t (v, id)" for n in range(4)))
    script(database, "CREATE TABLE u (id int PRIMARY KEY, v int); CREATE INDEX ON u (v); CREATE INDEX ON u ((v + 1))")
    summary = await run(database, tmp_path, "reindex", "-j", "6")
    assert (summary.exit_code, summary.ok, summary.retried) == (0, 8, 0)


async def test_m13_a_leftover_that_the_role_may_not_drop_is_named_with_its_statement(
    database: str, tmp_path: Path
) -> None:
    """The owner of a table has no right in pg_toast; only a superuser may drop there."""
    script(database, TABLE)
    toast = execute(database, "SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 't'")[0][0]
    async with session(database) as reader:
        await reader.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")
        async with session(database) as admin:
            await admin.execute("SET lock_timeout = '200ms'")
            try:
                await admin.execute("REINDEX TABLE CONCURRENTLY t")
            except Exception as error:
                assert "lock timeout" in str(error)
        await reader.execute("ROLLBACK")
    async with role(database, "GRANT USAGE, CREATE ON SCHEMA public TO {role}", "ALTER TABLE t OWNER TO {role}") as url:
        summary = await run(url, tmp_path, "indexes", "--repair")
        assert (summary.exit_code, summary.ok, summary.skipped) == (1, 1, 1)
        [(outcome, why)] = reasons(summary).values()
        assert outcome == "skipped"
        assert why.startswith('only a superuser may drop an index in pg_toast: DROP INDEX CONCURRENTLY "pg_toast".')
        assert str(toast).partition(".")[2] in why
    assert (await run(database, tmp_path, "indexes", "--repair")).exit_code == 0
    assert indexes(database) == WHOLE


async def test_invalid_and_duplicate_indexes(database: str, tmp_path: Path) -> None:
    """An invalid one is rebuilt; of two equal ones, one is named, and none is dropped without a person."""
    script(database, TABLE, "CREATE INDEX t_v ON t (v); CREATE INDEX t_v2 ON t (v); CREATE INDEX t_w ON t (v, id)")
    execute(database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_w'::regclass")
    summary = await run(database, tmp_path, "indexes", "--repair")
    assert (summary.exit_code, summary.ok) == (1, 1)
    [(name, (outcome, why))] = reasons(summary).items()
    assert (name, outcome) == ("public.t_v2", "skipped")
    assert "the same as public.t_v: if no query names it, run DROP INDEX CONCURRENTLY" in why
    assert all(valid for _, valid in indexes(database))


async def test_an_index_that_is_being_built_needs_nothing(database: str, tmp_path: Path) -> None:
    """CREATE INDEX CONCURRENTLY that waits for an old snapshot has locked its table alone. A role without rights sees it, too."""
    script(database, TABLE)
    async with session(database) as reader, session(database) as builder, role(database) as url:
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        building = asyncio.create_task(builder.execute("CREATE INDEX CONCURRENTLY t_v ON t (v)"))
        phase = "SELECT FROM pg_stat_progress_create_index WHERE phase = 'waiting for old snapshots'"
        while not await asyncio.to_thread(execute, database, phase):  # a transaction sees the states of its first look
            await asyncio.sleep(0.02)
        for who in (database, url):
            assert (await plan_maintenance(build(who, tmp_path, "indexes"))).targets[0].planned == ()
            assert await ask(who, "invalid_indexes") == []
        await reader.execute("ROLLBACK")
        await building


async def test_indexes_of_partitioned_tables_that_need_a_person(database: str, tmp_path: Path) -> None:
    """A duplicate is named once and not for each partition, with a statement that works; one that a partition lacks is not valid."""
    script(
        database,
        "CREATE TABLE p (a int, b int) PARTITION BY LIST (a); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1)",
        "CREATE TABLE p_2 PARTITION OF p FOR VALUES IN (2); CREATE INDEX first ON p (a); CREATE INDEX second ON p (a)",
        "CREATE INDEX a_own ON p_1 (a); CREATE INDEX part ON ONLY p (b); CREATE INDEX p_2_b ON p_2 (b)",
        'ALTER INDEX part ATTACH PARTITION p_2_b; CREATE TABLE d (a int, UNIQUE (a) DEFERRABLE); CREATE UNIQUE INDEX "now" ON d (a)',
        "CREATE TABLE t (a int); CREATE INDEX z ON t (a); CREATE INDEX a ON t (a); CREATE INDEX m ON t (a)",
    )
    planned = (await plan_maintenance(build(database, tmp_path, "indexes"))).targets[0].planned
    found = {one.facts.object.name: one.facts.missing for one in planned}
    assert found.keys() == {"a_own", "second", "part", "z", "m"}
    assert "have no valid index of it: create one on each, and run ALTER INDEX" in found["part"]
    assert "for p_1 have" in found["part"]
    drops = [found[name].partition("run ")[2] for name in ("a_own", "second", "z", "m")]
    assert drops[1] == 'DROP INDEX "public"."second"'
    for statement in drops:
        script(database, statement)
    script(database, "CREATE INDEX p_1_b ON p_1 (b); ALTER INDEX part ATTACH PARTITION p_1_b")
    assert (await plan_maintenance(build(database, tmp_path, "indexes"))).targets[0].planned == ()


async def test_m12_an_invalid_index_is_rebuilt_with_maintain(database: str, tmp_path: Path) -> None:
    """The role need not own it; before version 17 the owner is named."""
    script(database, TABLE, "CREATE INDEX t_w ON t (v, id)")
    execute(database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_w'::regclass")
    maintain = int(execute(database, "SELECT current_setting('server_version_num')::int")[0][0]) >= 170000
    async with role(database, *(["GRANT MAINTAIN ON t TO {role}"] if maintain else [])) as url:
        summary = await run(url, tmp_path, "indexes", "--repair")
    assert (summary.ok, summary.skipped) == ((1, 0) if maintain else (0, 1))
    assert maintain == all(valid for _, valid in indexes(database))

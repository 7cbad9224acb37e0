"""Maintenance of PostgreSQL: every object ends as what it is. The tests are named after the facts that they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError, UsageError
from bulkq.model.maintenance import GONE
from bulkq.tasks.plan.plan_maintenance import plan_maintenance
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry
from tests.support.maintenance import build, reasons, role, run, script, session
from tests.support.notices import Notices
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import RunSummary

TABLES = (
    "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, repeat('x', 50) FROM generate_series(1, 500) g; "
    "DELETE FROM a WHERE id % 2 = 0; CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int)"
)
PARTITIONS = (
    "CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); "
    "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)"
)
QUICK = ("--lock-timeout", "50ms", "--retries", "0")


async def again(summary: RunSummary, folder: Path) -> RunSummary:
    """What `bulkq resume` does."""
    return await resume(summary.run, ledger=f"sqlite:///{folder}/ledger.db", changes={}, control=Control())


async def version(url: str) -> int:
    """Of the server."""
    async with session(url) as one:
        return int(await one.fetchval("SELECT current_setting('server_version_num')"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["vacuum"],
        ["vacuum", "--full"],
        ["vacuum", "--analyze", "--parallel", "1", "--skip-locked"],
        ["freeze", "--exclude", "pg_catalog"],
        ["analyze"],
        ["reindex"],
        ["reindex", "--no-concurrently"],
        ["checkpoint"],
        ["indexes", "--repair"],
        ["vacuum", "--select", "bloat >= 0% and dead > 10% and not name = 'b'"],
        ["reindex", "--select", "bloat >= 0GB", "--order", "bloat"],
    ],
)
async def test_every_command_has_its_objects(database: str, tmp_path: Path, arguments: list[str]) -> None:
    """On each version: what is listed is what the server takes, and what it proves."""
    script(database, TABLES, PARTITIONS)
    execute(database, "ANALYZE")
    summary = await run(database, tmp_path, *arguments, "-j", "3")
    assert (summary.exit_code, reasons(summary)) == (0, {})
    assert summary.ok == len(summary.objects)


async def test_a_table_that_inherits_is_done_once(database: str, tmp_path: Path) -> None:
    """From 18 on VACUUM and ANALYZE of a parent do its children too, which are objects of their own."""
    script(database, "CREATE TABLE p (id int); CREATE TABLE q () INHERITS (p); CREATE TABLE r () INHERITS (q)")
    assert (await run(database, tmp_path, "vacuum", "-j", "1")).ok == 3
    assert (await run(database, tmp_path, "analyze", "-j", "1")).ok == 3
    counted = "SELECT relname::text, vacuum_count::int, analyze_count::int FROM pg_stat_user_tables ORDER BY 1"
    assert [tuple(row) for row in execute(database, counted)] == [("p", 1, 1), ("q", 1, 1), ("r", 1, 1)]


async def test_views_and_clustered_tables(database: str, tmp_path: Path) -> None:
    """A view with a unique index is filled concurrently; only a table whose index was chosen is clustered."""
    script(database, TABLES)
    script(
        database,
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS id; CREATE UNIQUE INDEX ON m (id); CREATE MATERIALIZED VIEW n AS SELECT 1 AS id; "
        "ALTER TABLE a CLUSTER ON a_pkey",
    )
    assert (await run(database, tmp_path, "refresh")).ok == 2
    assert (await run(database, tmp_path, "cluster")).ok == 1


async def test_a_view_is_written_anew_if_it_has_data(database: str, tmp_path: Path) -> None:
    """VACUUM FULL and CLUSTER of a materialized view. For one without data the server does nothing, so it is left out."""
    script(
        database,
        "CREATE MATERIALIZED VIEW full_one AS SELECT 1 AS a; CREATE INDEX one ON full_one (a); CREATE INDEX two ON full_one (a)",
        "CREATE MATERIALIZED VIEW empty_one AS SELECT 1 AS a WITH NO DATA; CREATE INDEX three ON empty_one (a)",
        "ALTER MATERIALIZED VIEW full_one CLUSTER ON one; ALTER MATERIALIZED VIEW empty_one CLUSTER ON three",
    )
    for arguments in (["vacuum", "--full"], ["cluster"]):
        summary = await run(database, tmp_path, *arguments)
        assert (summary.exit_code, [one.name for one in summary.objects]) == (0, ["public.full_one"]), arguments


async def test_bloat_of_tables_and_indexes_that_need_more_than_columns(database: str, tmp_path: Path) -> None:
    """Of an index on an expression, whose statistics are its own, and of a table with a virtual column, which has none."""
    script(
        database,
        "CREATE TABLE t (id int, v text); INSERT INTO t SELECT g, repeat('x', 50) FROM generate_series(1, 20000) g",
        "CREATE INDEX t_e ON t (abs(id)); DELETE FROM t WHERE id > 1000",
    )
    if int(execute(database, "SELECT current_setting('server_version_num')::int")[0][0]) >= 180000:
        script(database, "ALTER TABLE t ADD w int GENERATED ALWAYS AS (id * 2) VIRTUAL")
    script(database, "VACUUM (ANALYZE, TRUNCATE off) t")
    for command, name in (("vacuum", "t"), ("reindex", "t_e")):
        made = await plan_maintenance(build(database, tmp_path, command, "--select", "bloat > 60%"))
        assert [one.facts.object.name for one in made.targets[0].planned] == [name], command


async def test_views_are_filled_behind_those_that_they_read(database: str, tmp_path: Path) -> None:
    """Directly or through views, also with more lanes than views: so the last one has the new rows."""
    script(database, "CREATE TABLE t (id int)", "CREATE MATERIALIZED VIEW z AS SELECT * FROM t")
    script(database, "CREATE VIEW y AS SELECT id FROM z", "CREATE MATERIALIZED VIEW x AS SELECT * FROM y")
    script(database, "CREATE MATERIALIZED VIEW a AS SELECT x.id FROM x, z", "INSERT INTO t VALUES (1)")
    summary = await run(database, tmp_path, "refresh", "-j", "4")
    assert [one.name for one in summary.objects] == ["public.z", "public.x", "public.a"]
    assert execute(database, "SELECT * FROM a") == [(1,)]


async def test_a_partitioned_table_means_its_partitions(database: str, tmp_path: Path) -> None:
    """Also by a name in quotation marks, and to leave them out; a name that means nothing to leave out is told."""
    script(database, PARTITIONS, 'CREATE TABLE "A b" (id int PRIMARY KEY)', "CREATE INDEX ON p (id)")
    notices = Notices()
    summary = await run(database, tmp_path, "vacuum", "--table", "p", observers=(notices,))
    assert {one.name for one in summary.objects} == {"public.p1", "public.p2"}
    summary = await run(database, tmp_path, "reindex", "--table", "public.p", "--table", '"public"."A b"')
    assert {one.name for one in summary.objects} == {"public.p1_id_idx", "public.p2_id_idx", "public.A b_pkey"}
    summary = await run(database, tmp_path, "vacuum", "--exclude", "p", "--exclude", "q", observers=(notices,))
    assert {one.name for one in summary.objects} == {"public.A b"}
    assert '--exclude "q": no object of vacuum has this name: nothing is left out' in notices.lines


async def test_m1_without_a_right_nothing_is_done(database: str, tmp_path: Path) -> None:
    """The object is skipped before anything is sent, with the GRANT that would do; that of a superuser's role is not advised."""
    script(database, TABLES)
    grant = "GRANT MAINTAIN ON TABLE" if await version(database) >= 170000 else "let a superuser run it"
    async with role(database, "GRANT USAGE ON SCHEMA public TO {role}; ALTER TABLE b OWNER TO {role}") as url:
        summary = await run(url, tmp_path, "vacuum")
        assert (summary.exit_code, summary.ok, summary.skipped) == (1, 1, 2)
        assert set(reasons(summary)) == {"public.a", "public.c"}
        assert all(outcome == "skipped" and grant in why for outcome, why in reasons(summary).values())
        assert summary.resume == f"bulkq resume {summary.run}"


async def test_m1_a_right_that_goes_meanwhile_is_seen_in_the_warning(database: str, tmp_path: Path) -> None:
    """The server reports success and a warning, also to a role that has switched warnings off: the object is not done."""
    script(database, TABLES)
    grants = ("ALTER TABLE a OWNER TO {role}", "ALTER ROLE {role} SET client_min_messages = error")
    async with role(database, *grants) as url:
        taken = Notices(when_started=lambda: execute(database, "ALTER TABLE a OWNER TO CURRENT_USER"))
        summary = await run(url, tmp_path, "vacuum", "--table", "a", observers=(taken,))
    assert (summary.ok, summary.skipped) == (0, 1)
    assert "vacuum" in reasons(summary)["public.a"][1]
    assert execute(database, "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'a'")[0][0] == 0


@pytest.mark.parametrize("command", ["vacuum", "analyze"])
async def test_m2_a_locked_table_is_skipped_and_done_by_a_resume(database: str, tmp_path: Path, command: str) -> None:
    """Partitions are named one by one, so that a locked one gives its warning."""
    script(database, TABLES, PARTITIONS)
    async with session(database) as other:
        async with other.transaction():
            await other.execute("LOCK TABLE b, p2 IN ACCESS EXCLUSIVE MODE")
            summary = await run(database, tmp_path, command, "--skip-locked", "--select", "not name = 'p'", *QUICK)
        assert summary.exit_code == 1
        assert set(reasons(summary)) == {"public.b", "public.p2"}
        assert all("lock not available" in why for _, why in reasons(summary).values())
        done = await again(summary, tmp_path)
    assert (done.exit_code, done.skipped, sorted(one.name for one in done.objects)) == (0, 0, ["public.b", "public.p2"])


@pytest.mark.parametrize(("after", "outcome"), [("skip", "skipped"), ("fail", "rolled_back")])
async def test_m8_a_lock_that_is_not_granted_in_time(database: str, tmp_path: Path, after: str, outcome: str) -> None:
    """It is tried again, and others go on meanwhile; then it is skipped or failed, as the user says."""
    script(database, TABLES)
    async with session(database) as other, other.transaction():
        await other.execute("LOCK TABLE b IN ACCESS EXCLUSIVE MODE")
        options = ("--retries", "1", "--lock-timeout", "50ms", "--after-lock-tries", after)
        summary = await run(database, tmp_path, "vacuum", *options)
    assert summary.ok == 2
    assert reasons(summary) == {"public.b": (outcome, "canceling statement due to lock timeout in 2 tries")}


async def test_m7_parents_and_partitions(database: str, tmp_path: Path) -> None:
    """VACUUM names the partitions alone; ANALYZE the parent too, last, and without its partitions where that is possible."""
    script(database, PARTITIONS)
    summary = await run(database, tmp_path, "vacuum")
    assert {one.name for one in summary.objects} == {"public.p1", "public.p2"}
    summary = await run(database, tmp_path, "analyze", "-j", "4")
    assert [one.name for one in summary.objects][-1] == "public.p"
    counted = execute(database, "SELECT sum(analyze_count)::int FROM pg_stat_user_tables WHERE relname IN ('p1', 'p2')")
    assert counted[0][0] == (2 if await version(database) >= 180000 else 4)


async def test_m12_a_right_on_the_parent_is_none_on_its_partitions(database: str, tmp_path: Path) -> None:
    """MAINTAIN is looked up for each partition."""
    if await version(database) < 170000:
        pytest.skip("MAINTAIN exists since PostgreSQL 17")
    script(database, PARTITIONS)
    async with role(database, "GRANT MAINTAIN ON p, p2 TO {role}") as url:
        summary = await run(url, tmp_path, "vacuum")
    assert summary.ok == 1
    assert 'GRANT MAINTAIN ON TABLE "public"."p1"' in reasons(summary)["public.p1"][1]


async def test_a_table_that_goes_meanwhile_is_a_failure_of_its_own(database: str, tmp_path: Path) -> None:
    """The others are done. A retry says that it is gone, and is at its end."""
    script(database, TABLES)
    gone = Notices(when_started=lambda: execute(database, "DROP TABLE b"))
    summary = await run(database, tmp_path, "vacuum", observers=(gone,))
    assert (summary.exit_code, summary.ok, summary.failed) == (1, 2, 1)
    assert reasons(summary)["public.b"] == ("rolled_back", GONE)
    notices = Notices()
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    done = await retry(summary.run, ledger=ledger, changes={}, control=Control(), observers=(notices,))
    assert (done.exit_code, done.ok, [(one.name, str(one.state)) for one in done.objects]) == (
        0,
        3,
        [("public.b", "gone")],
    )
    assert "1 object gone since the run began (public.b): nothing is left to do" in notices.lines


async def test_a_locked_table_does_not_keep_the_others_from_being_listed(database: str, tmp_path: Path) -> None:
    """Its size is estimated, and the plan says who has locked it."""
    script(database, TABLES)
    async with session(database) as other, other.transaction():
        await other.execute("LOCK TABLE b IN ACCESS EXCLUSIVE MODE")
        made = await plan_maintenance(build(database, tmp_path, "vacuum"))
        pid = other.get_server_pid()
    locked = {one.facts.object.name: one.facts.locked for one in made.targets[0].planned}
    assert locked == {"a": "", "b": f"pid {pid}", "c": ""}


async def test_more_workers_than_the_server_has(database: str, tmp_path: Path) -> None:
    """One line, before anything is sent; so is a name that means nothing."""
    script(database, TABLES)
    with pytest.raises(RefusedError, match="--parallel 900 is more than the"):
        await run(database, tmp_path, "vacuum", "--parallel", "900")
    with pytest.raises(UsageError, match='--table "aa": no object of vacuum has this name'):
        await run(database, tmp_path, "vacuum", "--table", "aa")


async def test_all_databases_and_one_that_is_down(database: str, tmp_path: Path) -> None:
    """Every database of the server is a target; a server that does not answer is named, and the others are done."""
    script(database, TABLES)
    away = "postgresql://127.0.0.1:1/x"
    made = build(database, tmp_path, "analyze", "-t", away, "--table", "a", "--connect-timeout", "2s")
    from bulkq.lifecycle.maintain.all_databases import on_all_databases

    found = await on_all_databases(made)
    names = {target.url.rpartition("/")[2].partition("?")[0] for target in found.targets.selected}
    assert {database.rpartition("/")[2].partition("?")[0], "x"} <= names
    summary = await run(database, tmp_path, "analyze", "-t", away, "--table", "a", "--connect-timeout", "2s")
    assert (summary.exit_code, summary.ok) == (3, 1)
    assert "1 of 2 targets were not done: postgresql://127.0.0.1:1/x" in summary.reason


async def test_a_target_that_stays_read_only_takes_nothing_from_a_resume(database: str, tmp_path: Path) -> None:
    """What was skipped on the others is done, and the target is named again."""
    script(database, TABLES)
    async with role(database, "ALTER ROLE {role} SET default_transaction_read_only = on") as away:
        async with session(database) as owner:
            await owner.execute("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
            summary = await run(database, tmp_path, "vacuum", "-t", away, *QUICK)
            await owner.execute("ROLLBACK")
        assert (summary.exit_code, summary.ok, summary.skipped) == (4, 2, 1)
        done = await again(summary, tmp_path)
    assert (done.ok, done.skipped) == (3, 0)
    assert done.exit_code in {3, 4}  # its password is not in the record
    assert "1 of 2 targets were not done" in done.reason


async def test_a_foreign_server_that_is_away_fails_its_object_alone(database: str, tmp_path: Path) -> None:
    """The server reports a state of connections, but of the statement: the session goes on, and nothing is unknown."""
    script(database, TABLES)
    execute(
        database,
        "CREATE FUNCTION far(v int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT v'",
        "CREATE INDEX far_a ON a (far(id))",
        "CREATE OR REPLACE FUNCTION far(v int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not connect' USING ERRCODE = '08001'; END $$",
    )
    summary = await run(database, tmp_path, "analyze")
    assert (summary.exit_code, summary.ok) == (1, 2)
    assert reasons(summary) == {"public.a": ("rolled_back", "could not connect")}

"""A night of a DBA: locked, forbidden, dropped and partitioned tables at once; every object ends as what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.stop_control import Control
from bulkq.model import Target
from bulkq.model.maintenance import GONE
from bulkq.tasks.report import recall_summary
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry
from tests.support.maintenance import reasons, role, run, script, session
from tests.support.notices import Notices
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from pathlib import Path

TABLES = 40
LOCKED = ("t1", "t2", "t3", "t4", "t5", "p3", "p7")
FORBIDDEN = ("t6", "t7", "t8")


async def test_the_second_run_does_exactly_what_is_missing(database: str, tmp_path: Path) -> None:
    """The first night names what was not done and why; the next one does those, and the dropped table stays a failure."""
    tables = [f"CREATE TABLE t{n} (id int)" for n in range(1, TABLES + 1)]
    partitions = [f"CREATE TABLE p{n} PARTITION OF p FOR VALUES FROM ({n}) TO ({n + 1})" for n in range(10)]
    script(database, *tables, "CREATE TABLE p (id int) PARTITION BY RANGE (id)", *partitions)
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    mine = [
        name
        for name in (*(f"t{n}" for n in range(1, TABLES + 1)), *(f"p{n}" for n in range(10)))
        if name not in FORBIDDEN
    ]
    async with role(database, *(f"ALTER TABLE {name} OWNER TO {{role}}" for name in mine)) as url:
        given = {"targets": (Target(url=url),)}  # the record has no password
        gone = Notices(when_started=lambda: execute(database, "DROP TABLE t9"))
        async with session(database) as other, other.transaction():
            await other.execute(f"LOCK TABLE {', '.join(LOCKED)} IN ACCESS EXCLUSIVE MODE")
            first = await run(url, tmp_path, "vacuum", "-j", "4", "--skip-locked", observers=(gone,))
        whole = TABLES + 10
        assert (first.exit_code, first.ok, first.skipped, first.failed, first.unknown) == (1, whole - 11, 10, 1, 0)
        told = reasons(first)
        assert {name for name, (_, why) in told.items() if "lock not available" in why} == {
            f"public.{n}" for n in LOCKED
        }
        assert not any("GRANT" in why for _, why in told.values() if "superuser" in why)
        assert {name for name, (_, why) in told.items() if "no right" in why} == {f"public.{n}" for n in FORBIDDEN}
        assert told["public.t9"] == ("rolled_back", GONE)
        async with session(database) as admin:
            user = url.partition("//")[2].partition(":")[0]
            await admin.execute("; ".join(f"ALTER TABLE {name} OWNER TO {user}" for name in FORBIDDEN))
        report = await recall_summary(first.run, ledger)
        assert {(one.name, one.state, one.after) for one in report.objects} == {
            (one.name, one.state, one.after) for one in first.objects
        }
        kept = reasons(report)
        names = [f"public.{name}" for name in (*FORBIDDEN, "t9")]
        assert [kept[name] for name in names] == [told[name] for name in names]
        second = await resume(first.run, ledger=ledger, changes=given, control=Control())
        assert {one.name for one in second.objects} == {f"public.{name}" for name in (*LOCKED, *FORBIDDEN)}
        assert (second.exit_code, second.ok, second.skipped, second.failed) == (1, whole - 1, 0, 1)
        execute(database, "CREATE TABLE t9 (id int)", f"ALTER TABLE t9 OWNER TO {user}")
        third = await retry(first.run, ledger=ledger, changes=given, control=Control())
        assert ([one.name for one in third.objects], third.exit_code, third.ok) == (["public.t9"], 0, whole)
    counted = execute(
        database, "SELECT min(vacuum_count), max(vacuum_count) FROM pg_stat_user_tables WHERE relname <> 'p'"
    )
    assert tuple(counted[0]) == (1, 1)

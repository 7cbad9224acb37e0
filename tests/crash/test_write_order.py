"""SIGKILL during a write whose parameter file names rows repeatedly: each set is applied once, and those of a row in order.

pytest tests/crash/test_write_order.py --kills 100 --crash-rows 20000
"""

from __future__ import annotations

import shutil
import time
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from tests.support.crash.kill_loop import Killing, Work
from tests.support.crash.nursery import burning, make_ledger, recorded

if TYPE_CHECKING:
    import random

    from tests.support.command import Cli
    from tests.support.crash.nursery import Nursery
    from tests.support.targets import Target

IDS = 60
LOGGED = {
    "postgresql": (
        "create table log (seq serial, id integer, n integer)",
        """create function logged() returns trigger language plpgsql as $$ begin
             insert into log (id, n) values (new.id, new.n); return new; end $$""",
        "create trigger logged after update on t for each row execute function logged()",
    ),
    "sqlite": (
        "create table log (seq integer primary key, id integer, n integer)",
        "create trigger logged after update on t begin insert into log (id, n) values (new.id, new.n); end",
    ),
}


class Versions:
    """Runs that write a number of versions to each row; a trigger logs every change."""

    def __init__(self, cli: Cli, target: Target, rows: int, chance: random.Random) -> None:
        self._cli = cli
        self._target = target
        self._versions = max(2, rows // IDS)
        self._chance = chance
        target.execute("create table t (id integer primary key, n integer)", *LOGGED[target.kind])
        lines = [f"{'0' * (n % 3)}{i},{n}" for n in range(1, self._versions + 1) for i in range(1, IDS + 1)]
        (cli.folder / "sets.csv").write_text("\n".join(["id,n", *lines, ""]), encoding="utf-8")

    def work(self) -> Work:
        """A new run on rows without a version."""
        values = ", ".join(f"({i})" for i in range(1, IDS + 1))
        self._target.execute("delete from t", f"insert into t (id) values {values}", "delete from log")
        shutil.rmtree(self._cli.folder / "state", ignore_errors=True)
        make_ledger(self._cli)
        return Work(begin=self._begin, resume=self._resume, done=self._done, unknown=lambda: None)

    def _begin(self) -> tuple[str, ...]:
        sql = f"update t set n = :n + 0 * {burning(self._target, 2_500)} where id = :id"
        return ("run", "-e", sql, "-t", self._target.url, "-p", "sets.csv", "--write", *self._sizes())

    def _resume(self) -> tuple[str, ...]:
        return ("resume", "--last", *self._sizes())

    def _sizes(self) -> tuple[str, ...]:
        batch = self._chance.choice(["auto", "7", "50", "400"])
        return ("-j", str(self._chance.choice([2, 3, 8])), "--batch", batch, "--progress", "none")

    def _done(self) -> float:
        ((count,),) = self._target.execute("select count(*) from log")
        return int(str(count)) / (IDS * self._versions)

    def look(self) -> None:
        """Each row went through all of its versions, in their order, each once."""
        rows = self._target.execute("select id, n from log order by id, seq")
        found = {i: [n for _, n in group] for i, group in groupby(rows, key=lambda row: row[0])}
        assert found == {i: list(range(1, self._versions + 1)) for i in range(1, IDS + 1)}
        assert [state for _, state in recorded(self._cli)] == ["finished"]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("target", ["postgresql", "sqlite"], indirect=True)
def test_killed_writes_keep_the_order_of_each_row(
    target: Target, nursery: Nursery, cli: Cli, chance: random.Random, pytestconfig: pytest.Config
) -> None:
    """After any number of SIGKILLs, resumed at once with other lanes and batches, the last line of each key has won."""
    versions = Versions(cli, target, pytestconfig.getoption("--crash-rows") // 4, chance)
    wanted = max(3, pytestconfig.getoption("--kills") // 3)
    began_s = time.monotonic()
    work = versions.work()
    arguments = [*work.begin()]
    arguments[arguments.index("sets.csv")] = "one.csv"
    (cli.folder / "one.csv").write_text("id,n\n1,0\n", encoding="utf-8")
    assert nursery.run(cli, *arguments, "--ledger", "first.db").code == 0
    killing = Killing(nursery, cli, chance, 0.85 * (time.monotonic() - began_s))
    while killing.kills < wanted:
        killing.until_finished(versions.work(), wanted - killing.kills)
        versions.look()


@pytest.mark.parametrize(("lanes", "batch"), [("1", "1"), ("1", "9"), ("8", "1"), ("8", "9")])
@pytest.mark.parametrize("target", ["postgresql"], indirect=True)
def test_a_failed_set_is_not_repeated_over_a_later_one(
    target: Target, nursery: Nursery, cli: Cli, lanes: str, batch: str
) -> None:
    """A set fails, a later set of its row is committed, and the process dies at once: a resume leaves the failed one alone."""
    target.execute("create table t (id integer primary key, v text constraint barred check (v <> 'early'))")
    target.execute("insert into t values (1, 'a')")
    (cli.folder / "sets.csv").write_text("id,v\n1,early\n01,late\n", encoding="utf-8")
    make_ledger(cli)
    arguments = ("run", "-e", "update t set v = :v where id = :id", "-t", target.url, "-p", "sets.csv", "--write")
    ended = nursery.run(cli, *arguments, "-j", lanes, "--batch", batch, failpoint="after-commit-postgresql", passage=1)
    assert ended.killed
    assert target.execute("select v from t") == [("late",)]
    target.execute("alter table t drop constraint barred")
    ended = nursery.run(cli, "resume", "--last")
    assert (ended.code, ended.counts["ok"], ended.counts["failed"]) == (1, "1", "1"), ended.err
    assert target.execute("select v from t") == [("late",)]

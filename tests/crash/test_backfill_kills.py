"""SIGKILL at random moments and at named places of a backfill, resumed at once: each row is changed exactly once.

    pytest tests/crash/test_backfill_kills.py --kills 200 --crash-rows 100000

Other sessions insert and delete rows meanwhile. `--crash-seed` replays the draw that a failing test prints.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.crash.key_tables import OtherSession, changes, make
from tests.support.crash.kill_loop import Killing, Work, fresh_state
from tests.support.crash.nursery import burning, make_ledger, marked, recorded, run_rows

if TYPE_CHECKING:
    import random

    from tests.support.command import Cli
    from tests.support.crash.nursery import Ended, Nursery
    from tests.support.targets import Target

KEYS = [
    ("postgresql", "integer"),
    ("postgresql", "uuid"),
    ("postgresql", "text"),
    ("postgresql", "icu"),
    ("postgresql", "composite"),
    ("pgbouncer", "integer"),
    ("sqlite", "rowid"),
    ("sqlite", "binary text"),
    ("mariadb", "varchar"),
]
IN_CI = 12
"""The default of `--kills`: then each kind of key has one kill, at a named place."""


class Backfills:
    """Backfills that change each row of `counters` once."""

    def __init__(self, nursery: Nursery, cli: Cli, target: Target, key: str, rows: int, chance: random.Random) -> None:
        self._nursery, self._cli, self._chance = nursery, cli, chance
        self._target, self._key, self._rows = target, key, rows

    def start_s(self) -> float:
        """What a process takes from its start to its first range, about."""
        make(self._target, self._key, 1)
        began_s = time.monotonic()
        ended = self._nursery.run(self._cli, *self._begin(), "--ledger", "first.db")
        assert ended.code == 0, ended.err
        return 0.85 * (time.monotonic() - began_s)

    def work(self) -> Work:
        """A new run on a new table."""
        make(self._target, self._key, self._rows)
        fresh_state(self._cli, self._chance)
        return Work(begin=self._begin, resume=self._resume, done=self._done, unknown=self._untouched)

    def killed_once(self) -> Ended:
        """A run that dies with a range that is committed and not in the ledger, and the resume that ends it."""
        work = self.work()
        passage = self._chance.randrange(1, 9)
        assert self._nursery.run(self._cli, *work.begin(), failpoint="before-mark", passage=passage).killed
        return self._nursery.run(self._cli, *work.resume())

    def _begin(self) -> tuple[str, ...]:
        most = self._chance.choice(["20", "60", "150"])
        slow = f"n = n + 1 + 0 * {burning(self._target, 1_500)}"
        over = ("backfill", "-t", self._target.url, "--over", "counters", "--set", slow)
        return (*over, "--max-rows", most, "--retries", "20", *self._sizes())

    def _resume(self) -> tuple[str, ...]:
        return ("resume", "--last", *self._sizes())

    def _sizes(self) -> tuple[str, ...]:
        return ("-j", str(self._chance.choice([1, 2, 3, 8])), "--progress", "none")

    def _done(self) -> float:
        found = changes(self._target)
        return found.get((0, 1), 0) / max(1, sum(rows for (late, _), rows in found.items() if not late))

    def _untouched(self) -> None:
        assert {n for _, n in changes(self._target)} == {0}, "something was sent before the ledger knew of the run"

    def look(self, ended: Ended) -> None:
        """Every row of the start once, no other more than once, nothing left behind."""
        found = changes(self._target)
        assert {n for late, n in found if not late} == {1}, found
        assert {n for late, n in found if late} <= {0, 1}, found
        ((run, state),) = recorded(self._cli)
        assert (state, ended.counts["status"]) == ("finished", "ok"), ended.err
        assert (marked(self._target), run_rows(self._target, run)) == ([], 0)
        assert self._target.execute("select count(*) from bulkq_ranges")[0][0] == 0


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("target", "key"), KEYS, indirect=["target"], ids=lambda value: value)
def test_killed_backfills_change_each_row_once(
    target: Target, key: str, nursery: Nursery, cli: Cli, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    """After any number of SIGKILLs, with other lanes, while other sessions insert and delete."""
    kills, rows = request.config.getoption("--kills"), request.config.getoption("--crash-rows")
    if key == "icu" and not target.execute("select 1 from pg_collation where collname = 'de-x-icu'"):
        pytest.skip("this server has no ICU")
    if kills == IN_CI:
        backfills = Backfills(nursery, cli, target, key, 1_500, chance)
        with OtherSession(target, key, 1_500, chance):
            ended = backfills.killed_once()
        backfills.look(ended)
        return
    backfills = Backfills(nursery, cli, target, key, rows, chance)
    killing = Killing(nursery, cli, chance, backfills.start_s())
    began_s, rounds, wanted = time.monotonic(), 0, max(1, round(kills / len(KEYS)))
    while killing.kills < wanted:
        work = backfills.work()
        with OtherSession(target, key, rows, chance):
            ended = killing.until_finished(work, wanted - killing.kills)
        backfills.look(ended)
        rounds += 1
    took_s = time.monotonic() - began_s
    print(
        f"{target.kind} {key}: {killing.kills} kills, {killing.processes} processes, {rounds} x {rows} rows, {took_s:.0f} s"
    )


FAILING = (17, 150, 299, 400, 555)
"""Rows that cannot be changed yet."""


def failing_table(target: Target) -> None:
    """A table `counters` of 600 rows, some of which cannot be changed while their `v` is 0."""
    check = "" if target.kind == "postgresql" else " check (v <> 0 or n = 0)"
    target.execute(
        f"create table counters (id integer primary key, v integer not null, n integer not null default 0{check})"
    )
    series = (
        "generate_series(1, 600) i"
        if target.kind == "postgresql"
        else "(with recursive s(i) as (select 1 union all select i + 1 from s where i < 600) select i from s)"
    )
    target.execute(
        f"insert into counters select i, 1, 0 from {series}",
        f"update counters set v = 0 where id in {FAILING}",
    )


@pytest.mark.parametrize("target", ["postgresql", "sqlite"], indirect=True)
def test_killed_beside_failures(target: Target, nursery: Nursery, cli: Cli) -> None:
    """Killed when a range is split, when its failure is recorded, in a retry and in the verification: each row changes once."""
    failing_table(target)
    make_ledger(cli)
    exprs = {"postgresql": "n = n + 1 / v", "sqlite": "n = n + 1"}
    begin = ("backfill", "-t", target.url, "--over", "counters", "--set", exprs[target.kind], "--where", "n = 0")
    ended = nursery.run(cli, *begin, "--max-rows", "70", failpoint="after-ranges-begin")
    for failpoint in ("after-split", "before-failed-range", "after-failed-range", "before-mark"):
        assert ended.killed, ended.err
        ended = nursery.run(cli, "resume", "--last", "-j", "1", failpoint=failpoint)
    assert ended.killed, ended.err
    ended = nursery.run(cli, "resume", "--last")
    assert (ended.code, ended.counts["failed"]) == (1, str(len(FAILING))), ended.err
    target.execute(f"update counters set v = 1 where id <> {FAILING[-1]}")
    ended = nursery.run(cli, "retry", "--last", "-j", "1", failpoint="before-mark", passage=2)
    assert ended.killed, ended.err
    ended = nursery.run(cli, "resume", "--last")
    assert (ended.code, ended.counts["failed"]) == (1, str(len(FAILING) - 2)), ended.err
    target.execute("update counters set v = 1")
    ended = nursery.run(cli, "retry", "--last", failpoint="before-verify")
    assert ended.killed, ended.err
    ended = nursery.run(cli, "resume", "--last")
    assert (ended.code, ended.counts["failed"], ended.counts["status"]) == (0, "0", "ok"), ended.err
    shown = nursery.run(cli, "runs", ended.counts["run"]).out.decode()
    assert f"counters by ranges of its key: {ended.counts['ok']} ranges done, 600 rows changed" in shown
    assert target.execute("select n, count(*) from counters group by n") == [(1, 600)]
    assert target.execute("select count(*) from bulkq_ranges")[0][0] == 0

"""SIGKILL at random moments of a write, resumed at once with other lanes and other batches: each row is changed exactly once.

    pytest tests/crash/test_kill_loop.py --kills 300 --crash-rows 200000 -k postgresql

`--crash-seed` replays the draw of moments, lanes and batches that a failing test prints.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.crash.kill_loop import Killing, Work, fresh_state, share, sizes
from tests.support.crash.nursery import (
    done_ranges,
    histogram,
    make_counters,
    marked,
    merged,
    recorded,
    run_rows,
    slow_bump,
)

if TYPE_CHECKING:
    import random

    from tests.support.command import Cli
    from tests.support.crash.nursery import Ended, Nursery
    from tests.support.targets import Target

SHARES = {"postgresql": 0.35, "pgbouncer": 0.15, "sqlite": 0.3, "mariadb": 0.2}
"""Of the kills, among the targets that are tested."""


class Writes:
    """Runs that change every counter once."""

    def __init__(self, nursery: Nursery, cli: Cli, target: Target, rows: int, chance: random.Random) -> None:
        self._nursery = nursery
        self._cli = cli
        self._target = target
        self._rows = rows
        self._chance = chance
        self._keep = False

    def start_s(self) -> float:
        """What a process takes from its start to its first batch, about."""
        make_counters(self._target, 1)
        began_s = time.monotonic()
        ended = self._nursery.run(self._cli, *self._begin(rows=1), "--ledger", "first.db")
        assert ended.code == 0, ended.err
        return 0.85 * (time.monotonic() - began_s)

    def work(self) -> Work:
        """A new run on new counters, in a new ledger or one that is there; some keep their markers."""
        make_counters(self._target, self._rows)
        fresh_state(self._cli, self._chance)
        self._keep = self._chance.random() < 0.3
        return Work(begin=self._begin, resume=self._resume, done=self._done, unknown=self._untouched)

    def _begin(self, rows: int | None = None) -> tuple[str, ...]:
        params = f"range:id=1..{rows or self._rows}"
        keep = ("--keep-markers",) if self._keep else ()
        return (
            "run",
            "-e",
            slow_bump(self._target),
            "-t",
            self._target.url,
            "-p",
            params,
            "--write",
            *self._sizes(),
            *keep,
        )

    def _resume(self) -> tuple[str, ...]:
        return ("resume", "--last", *self._sizes())

    def _sizes(self) -> tuple[str, ...]:
        return sizes(self._chance, self._rows)

    def _done(self) -> float:
        return 1 - histogram(self._target).get(0, 0) / self._rows

    def _untouched(self) -> None:
        assert histogram(self._target) == {0: self._rows}, "something was sent before the ledger knew of the run"

    def look(self, ended: Ended) -> None:
        """0 lost, 0 doubled, markers and ledger agree, nothing left to do by hand."""
        counts = histogram(self._target)
        assert counts == {1: self._rows}, f"lost or doubled: {counts}"
        ((run, state),) = recorded(self._cli)
        assert state == "finished"
        assert done_ranges(self._cli) == [(1, self._rows)]
        said = ended.counts
        assert (said["run"], said["status"], said["ok"]) == (run, "ok", str(self._rows)), ended.err
        assert said["failed"] == said["unknown"] == said["skipped"] == "0", ended.err
        if self._keep:
            assert merged(marked(self._target)) == [(1, self._rows)]
            assert run_rows(self._target, run) == 1
            self._target.execute("delete from bulkq_markers", "delete from bulkq_runs")
        else:
            assert (marked(self._target), run_rows(self._target, run)) == ([], 0)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("target", SHARES, indirect=True)
def test_killed_writes_change_each_row_once(
    target: Target, nursery: Nursery, cli: Cli, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    """After any number of SIGKILLs, resumed at once, every row was changed once and nothing is left behind."""
    wanted, rows = share(request, SHARES), request.config.getoption("--crash-rows")
    writes = Writes(nursery, cli, target, rows, chance)
    killing = Killing(nursery, cli, chance, writes.start_s())
    began_s = time.monotonic()
    rounds = 0
    while killing.kills < wanted:
        work = writes.work()
        writes.look(killing.until_finished(work, wanted - killing.kills))
        rounds += 1
    took_s = time.monotonic() - began_s
    print(
        f"{target.kind}: {killing.kills} kills of {killing.processes} processes over {rounds} x {rows} rows, {took_s:.0f} s"
    )

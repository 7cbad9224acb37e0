"""Runs and backfills that are ended in every way at random moments, and resumed: nothing is left open, and each row is changed once.

    pytest tests/crash/test_ends.py --kills 100 --crash-rows 20000

`--crash-seed` replays the draw that a failing test prints.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from bulkq.control import client, socket_folder
from tests.support.crash.nursery import (
    UNKILLED_S,
    burning,
    histogram,
    make_counters,
    make_ledger,
    recorded,
    run_rows,
    send_signal,
    slow_bump,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.support.command import Cli
    from tests.support.crash.nursery import Ended, Nursery
    from tests.support.targets import Target

IN_CI = 12
"""The default of `--kills`: then each test ends one process."""

JOBS = [("postgresql", "run"), ("postgresql", "backfill"), ("sqlite", "backfill")]
STEERED_S = 3.0
"""A process listens within this time, or it has ended."""

GONE_S = 5.0
"""Seconds within which a server notices that a killed client is gone."""


class EndedWork:
    """A run or a backfill that changes every counter once, its processes, and what they leave behind."""

    def __init__(self, nursery: Nursery, cli: Cli, target: Target, job: str, rows: int, chance: random.Random) -> None:
        self._nursery, self._cli, self._target, self._job, self._chance = nursery, cli, target, job, chance
        self._rows, self._rate = rows, rows
        self._hold, self._state = cli.folder / "hold", cli.folder / "state" / "bulkq"
        self.ways: dict[str, int] = {}
        make_counters(target, rows)
        shutil.rmtree(cli.folder / "state", ignore_errors=True)
        make_ledger(cli)
        self._start_s = min(self._measure_start() for _ in range(2))

    def _measure_start(self) -> float:
        """Seconds from the start of a process to its first batch, about."""
        began_s = time.monotonic()
        ended = self._nursery.run(
            self._cli, "run", "-e", "select 1", "-t", self._target.url, "--ledger", "first.db", "--progress", "none"
        )
        assert ended.code == 0, ended.err
        return time.monotonic() - began_s

    def until_finished(self, ends: int) -> Ended:
        """One run to its end, of which `ends` processes are ended on its way. Its pace lets it last about as long."""
        self._rate = round(self._rows / (0.5 * ends + 1))
        for _ in range(ends):
            ended = self._end_one()
            self._look(ended)
            if ended.code == 0:
                return ended
        self._hold.unlink(missing_ok=True)
        ended = self._nursery.run(self._cli, *self._arguments(), longest_s=UNKILLED_S)
        self._look(ended)
        return ended

    def _end_one(self) -> Ended:
        """A process that is ended in one of the ways, mostly while batches run."""
        ways: dict[str, Callable[[int], None]] = {
            "SIGTERM": self._terminate,
            "SIGTERM twice": self._terminate_twice,
            "drain": lambda _: self._steer("drain"),
            "stop": lambda _: self._steer("stop"),
            "paused and drained": self._pause_and_drain,
            "paused and killed": self._pause_and_kill,
            "throttled and killed": self._hold_and_kill,
            "throttled and SIGTERM": self._hold_and_terminate,
        }
        way = self._chance.choice(list(ways))
        early = self._chance.random() < 0.1
        wait_s = self._chance.uniform(0, self._start_s) if early else self._start_s + self._chance.uniform(0, 0.8)
        self._hold.unlink(missing_ok=True)
        ended = self._nursery.run(self._cli, *self._arguments(), kill_s=wait_s, longest_s=UNKILLED_S, act=ways[way])
        self.ways[way] = self.ways.get(way, 0) + 1
        print(f"{way} after {wait_s:.2f} s: {ended.code} {ended.err.rstrip().rpartition(chr(10))[2]}")
        return ended

    def _terminate(self, pid: int) -> None:
        send_signal(pid, signal.SIGTERM)

    def _terminate_twice(self, pid: int) -> None:
        self._terminate(pid)
        time.sleep(self._chance.uniform(0, 0.1))
        self._terminate(pid)

    def _steer(self, command: str) -> None:
        """Send a request to the run as soon as it listens."""
        request = json.dumps({"command": command})
        end_s = time.monotonic() + STEERED_S
        while time.monotonic() < end_s:
            for run, _ in recorded(self._cli):
                path = socket_folder.socket_of(run, self._state)
                with suppress(client.RunGone):
                    if path is not None and client.ask(path, request)["ok"]:
                        return
            time.sleep(0.02)

    def _pause_and_drain(self, pid: int) -> None:
        del pid
        self._steer("pause")
        time.sleep(self._chance.uniform(0, 0.4))
        self._steer("drain")

    def _pause_and_kill(self, pid: int) -> None:
        self._steer("pause")
        time.sleep(self._chance.uniform(0, 0.4))
        send_signal(pid, signal.SIGKILL)

    def _hold_and_kill(self, pid: int) -> None:
        self._hold.touch()
        time.sleep(self._chance.uniform(0, 0.6))
        send_signal(pid, signal.SIGKILL)

    def _hold_and_terminate(self, pid: int) -> None:
        self._hold.touch()
        time.sleep(self._chance.uniform(0, 0.6))
        self._terminate(pid)

    def _arguments(self) -> tuple[str, ...]:
        lanes = str(self._chance.choice([1, 2, 3, 8]))
        if recorded(self._cli):
            return ("resume", "--last", "-j", lanes, "--progress", "none")
        url, size = self._target.url, str(self._chance.choice([20, 50, 150]))
        rate = f"{self._rate}{'rows' if self._job == 'backfill' else ''}/s"
        throttle = (
            "--throttle",
            f"file:{self._hold}",
            "--throttle-every",
            "100ms",
            "--max-rate",
            rate,
            "-j",
            lanes,
            "--progress",
            "none",
        )
        if self._job == "run":
            params = f"range:id=1..{self._rows}"
            return (
                "run",
                "-e",
                slow_bump(self._target),
                "-t",
                url,
                "-p",
                params,
                "--write",
                "--batch",
                size,
                *throttle,
            )
        change = f"n = n + 1 + 0 * {burning(self._target, 2_500)}"
        return ("backfill", "-t", url, "--over", "counters", "--set", change, "--max-rows", size, *throttle)

    def _look(self, ended: Ended) -> None:
        """No transaction, no batch without a marker, no socket; of a process that ended by itself, counts that are true."""
        assert ended.code in {0, 5, 143, -signal.SIGKILL}, ended.err
        assert "Traceback" not in ended.err, ended.err
        self._no_sessions(whole=not ended.killed)
        runs = recorded(self._cli)
        changed = histogram(self._target)
        assert set(changed) <= {0, 1}, changed
        if not runs:
            assert set(changed) == {0}, "something was sent before the ledger knew of the run"
            return
        assert changed.get(1, 0) == self._marked() or runs[0][1] == "finished"
        if ended.killed:
            client.live_runs(self._state)  # whoever looks removes what a dead process has left
        assert self._sockets() == []
        # A resume that is ended during its takeover does not know yet what a killed process has committed.
        if not ended.killed and "while the run was taken over" not in ended.err:
            if "changed" in ended.counts and self._job == "backfill":
                assert ended.counts["changed"] == str(changed.get(1, 0)), ended.err
            elif "ok" in ended.counts:
                assert ended.counts["ok"] == str(changed.get(1, 0)), ended.err

    def _marked(self) -> int:
        """Rows that the markers say are changed."""
        has = (
            "select 1 from sqlite_master where name = 'bulkq_markers'"
            if self._target.sqlite
            else "select to_regclass('bulkq_markers')"
        )
        if self._target.execute(has) in ([], [(None,)]):
            return 0
        ((rows,),) = self._target.execute("select coalesce(sum(rows), 0) from bulkq_markers")
        return int(str(rows))

    def _no_sessions(self, *, whole: bool) -> None:
        """No session of ours is in a transaction; if the process could end by itself, there is none at all."""
        if self._target.sqlite:
            self._target.execute("begin immediate", "rollback")
            return
        ours = "from pg_stat_activity where application_name like 'bulkq/%' and datname = current_database()"
        end_s = time.monotonic() + GONE_S
        found: list[tuple[object, ...]] = []
        while time.monotonic() < end_s:
            found = self._target.execute(f"select pid, state, xact_start, backend_xmin, query {ours}")
            if not found:
                return
            time.sleep(0.05)
        assert not found if whole else not any(xact for _, _, xact, _, _ in found), found

    def _sockets(self) -> list[str]:
        """The runs of this ledger that have sockets."""
        ours = {run for run, _ in recorded(self._cli)}
        return [run for run, _ in socket_folder.sockets(self._state) if run in ours]

    def finished(self, ended: Ended) -> None:
        """Every row once, the ledger says so, nothing is left."""
        assert histogram(self._target) == {1: self._rows}
        ((run, state),) = recorded(self._cli)
        assert (state, ended.counts["status"]) == ("finished", "ok"), ended.err
        assert run_rows(self._target, run) == self._marked() == 0
        assert self._sockets() == []


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("target", "job"), JOBS, indirect=["target"], ids=lambda value: value)
def test_ended_runs_leave_nothing_open(
    target: Target, job: str, nursery: Nursery, cli: Cli, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    """After each end nothing is open and each changed row has its marker; the resumed run changes each row once."""
    kills = request.config.getoption("--kills")
    in_ci = kills <= IN_CI
    rows = 1_500 if in_ci else request.config.getoption("--crash-rows")
    wanted, ended_ways = (1 if in_ci else max(1, round(kills / len(JOBS)))), {}
    while sum(ended_ways.values()) < wanted:
        work = EndedWork(nursery, cli, target, job, rows, chance)
        work.finished(work.until_finished(wanted - sum(ended_ways.values())))
        for way, count in work.ways.items():
            ended_ways[way] = ended_ways.get(way, 0) + count
    print(f"{target.kind} {job}: {ended_ways}")

"""Kill, resume at once, kill again: the loop around every run that is killed at random."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.crash.nursery import UNKILLED_S, Ended, make_ledger, recorded

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Container, Mapping

    import pytest

    from tests.support.command import Cli
    from tests.support.crash.nursery import Nursery

SHORTEST_S, LONGEST_S = 0.02, 3.0
WINDOW_S = 0.3


@dataclass(frozen=True, slots=True)
class Work:
    """What is killed.

    Attributes:
        begin: the arguments of a new run.
        resume: those of a resumed one.
        done: the share of the work that is done, 0 to 1, so that the work lasts as long as the kills.
        unknown: called when the ledger does not know the run yet: nothing may have been sent.
        stdin: given to the first process.
    """

    begin: Callable[[], tuple[str, ...]]
    resume: Callable[[], tuple[str, ...]]
    done: Callable[[], float]
    unknown: Callable[[], None]
    stdin: bytes | None = None


def sizes(chance: random.Random, rows: int) -> tuple[str, ...]:
    """Lanes and batches of one process."""
    # A transaction per row, for hundreds of thousands of them, would be a test of the disk.
    batch = chance.choice(["auto", "7", "50", "400", "1" if rows <= 10_000 else "2000"])
    return ("-j", str(chance.choice([1, 2, 3, 8])), "--batch", batch, "--progress", "none")


def fresh_state(cli: Cli, chance: random.Random) -> None:
    """No ledger of earlier runs: mostly an empty one, else none."""
    shutil.rmtree(cli.folder / "state", ignore_errors=True)
    if chance.random() < 0.7:
        make_ledger(cli)


def share(request: pytest.FixtureRequest, shares: Mapping[str, float]) -> int:
    """How many of the kills that were asked for fall to the target of this test, among those that are tested."""
    name = f"{request.node.originalname}["
    tested = [i.callspec.params["target"] for i in request.session.items if i.name.startswith(name)]
    kind = request.node.callspec.params["target"]
    return max(1, round(request.config.getoption("--kills") * shares[kind] / sum(shares[k] for k in tested)))


class Killing:
    """Kills processes of `cli` at moments that `chance` draws.

    Args:
        nursery: makes them.
        cli: in whose folder they run.
        chance: draws.
        start_s: from the start of a process to its first batch, about.
        window_s: how long a process is at work at the most, to begin with.
    """

    def __init__(
        self, nursery: Nursery, cli: Cli, chance: random.Random, start_s: float, window_s: float = WINDOW_S
    ) -> None:
        self.kills = 0
        self.processes = 0
        self._nursery = nursery
        self._cli = cli
        self._chance = chance
        self._start_s = start_s
        self._window_s = max(SHORTEST_S, min(WINDOW_S, window_s))

    def until_finished(self, work: Work, kills: int, codes: Container[int] = (0,)) -> Ended:
        """One run to its end, killed at most `kills` times on its way; its last process ends with one of `codes`.

        Raises:
            AssertionError: a process ended otherwise than by us, or well.
        """
        before = self.kills
        while True:
            left = kills - (self.kills - before)
            ended = self._once(work, self._wait_s() if left > 0 else None)
            if not ended.killed:
                assert ended.code in codes, ended.err
                return ended
            self._steer(work.done(), (self.kills - before) / kills)

    def _once(self, work: Work, wait_s: float | None) -> Ended:
        runs = recorded(self._cli)
        assert len(runs) <= 1, runs
        if runs:
            ended = self._run(wait_s, work.resume())
        else:
            work.unknown()
            ended = self._run(wait_s, work.begin(), work.stdin)
        self.processes += 1
        self.kills += ended.killed
        return ended

    def _run(self, wait_s: float | None, arguments: tuple[str, ...], stdin: bytes | None = None) -> Ended:
        return self._nursery.run(self._cli, *arguments, stdin=stdin, kill_s=wait_s, longest_s=UNKILLED_S)

    def _wait_s(self) -> float:
        """Mostly while batches run; now and then while the process starts, or when it may have ended."""
        if self._chance.random() < 0.2:
            return self._chance.uniform(0, self._start_s)
        return self._start_s * 0.75 + self._chance.uniform(0, self._window_s)

    def _steer(self, done: float, killed: float) -> None:
        """Longer or shorter windows, by whether work or kills will be used up first."""
        self._window_s = min(LONGEST_S, max(SHORTEST_S, self._window_s * (0.75 if done > killed else 1.35)))

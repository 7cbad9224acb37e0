"""SIGKILL at random moments of an export: the file ends byte for byte as that of a run that nobody killed.

pytest tests/crash/test_reads.py --read-kills 20 --crash-reads 1000000 -k jsonl
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.crash.kill_loop import Killing, Work
from tests.support.crash.nursery import UNKILLED_S, make_ledger, recorded, slow_read, start

if TYPE_CHECKING:
    import random

    from tests.support.command import Cli
    from tests.support.crash.nursery import Nursery
    from tests.support.targets import Target

CASES = [
    ("postgresql", "out.jsonl", ()),
    ("postgresql", "out.csv", ()),
    ("postgresql", "out.jsonl", ("--unordered",)),
    ("sqlite", "out.jsonl", ()),
]


class Reads:
    """Exports of all numbers to one file."""

    def __init__(
        self, nursery: Nursery, cli: Cli, target: Target, count: int, output: str, chance: random.Random, steps: int
    ) -> None:
        target.numbers(count)
        self.more: tuple[str, ...] = ()
        self.params = f"range:id=1..{count}"
        self.stdin: bytes | None = None
        self.sizes: tuple[str, ...] = ()
        self._nursery = nursery
        self._cli = cli
        self._target = target
        self._count = count
        self._output = output
        self._chance = chance
        self._sql = slow_read(target, steps)
        self._whole_s = 0.0

    @property
    def path(self) -> Path:
        """Of the output."""
        return self._cli.folder / self._output

    def whole(self) -> bytes:
        """The file of a run that nobody kills."""
        arguments = (*self._begin(), "--ledger", "first.db")
        began_s = time.monotonic()
        ended = self._nursery.run(self._cli, *arguments, stdin=self.stdin, longest_s=UNKILLED_S)
        self._whole_s = time.monotonic() - began_s
        assert ended.code == 0, ended.err
        return self._taken()

    def killed(self, kills: int) -> bytes:
        """The file of a run that is killed."""
        start_s = self._start_s()
        make_ledger(self._cli)
        window_s = (self._whole_s - start_s) / kills  # so that the work is not done before the kills are
        killing = Killing(self._nursery, self._cli, self._chance, start_s, window_s)
        work = Work(begin=self._begin, resume=self._resume, done=self._done, unknown=lambda: None, stdin=self.stdin)
        ended = killing.until_finished(work, kills)
        assert ended.counts["ok"] == str(self._count), ended.err
        assert [state for _, state in recorded(self._cli)] == ["finished"]
        print(f"{killing.kills} kills of {killing.processes} processes over {self._count} reads")
        assert killing.kills >= kills / 2, "the work was done before the kills were"
        return self._taken()

    def _start_s(self) -> float:
        began_s = time.monotonic()
        one = ("-o", "one.jsonl", "--ledger", "first.db", "--progress", "none")
        arguments = ("run", "-e", "select 1 as one", "-t", self._target.url, *one)
        ended = self._nursery.run(self._cli, *arguments)
        assert ended.code == 0, ended.err
        return 0.85 * (time.monotonic() - began_s)

    def _begin(self) -> tuple[str, ...]:
        where = ("-t", self._target.url, "-p", self.params, "-o", self._output)
        return ("run", "-e", self._sql, *where, *self._sizes(), *self.more)

    def _resume(self) -> tuple[str, ...]:
        return ("resume", "--last", *self._sizes())

    def _sizes(self) -> tuple[str, ...]:
        batch = self._chance.choice(["auto", "7", "50", "400"])
        drawn = ("-j", str(self._chance.choice([1, 2, 4])), "--batch", batch)
        return (*(self.sizes or drawn), "--progress", "none")

    def begin_and_kill(self) -> None:
        """Kill the first process, but not before it is on record and its source has come to an end."""
        process = start(self._cli, *self._begin(), stdin=self.stdin)
        ends_s = time.monotonic() + 30
        while not (recorded(self._cli) and all(b',"end",' in spool.read_bytes()[-100:] for spool in self.spools())):
            assert process.poll() is None, (self._cli.folder / "err").read_text()
            assert time.monotonic() < ends_s
            time.sleep(0.005)
        time.sleep(self._chance.uniform(0, 0.05))  # no event marks a random moment
        process.kill()
        assert process.wait() != 0

    def spools(self) -> list[Path]:
        """What is kept of sources that come once."""
        return list((self._cli.folder / "state" / "bulkq").glob("*.spool"))

    def _done(self) -> float:
        partial = self._cli.folder / f"{self._output}.partial"
        lines = partial.read_bytes().count(b"\n") if partial.exists() else self._count * self.path.exists()
        return lines / self._count

    def _taken(self) -> bytes:
        """What the file holds; it is gone afterwards."""
        data = self.path.read_bytes()
        self.path.unlink()
        assert not (self._cli.folder / f"{self._output}.partial").exists()
        return data


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("target", "output", "more"), CASES, indirect=["target"])
@pytest.mark.long
def test_killed_exports_end_as_others(
    target: Target,
    output: str,
    more: tuple[str, ...],
    nursery: Nursery,
    cli: Cli,
    chance: random.Random,
    pytestconfig: pytest.Config,
) -> None:
    """In order the bytes are the same; without order the rows."""
    count = pytestconfig.getoption("--crash-reads")
    reads = Reads(
        nursery, cli, target, count, output, chance, 1_200 if count <= 100_000 else 1
    )  # a million is slow by itself
    reads.more = more
    whole, killed = reads.whole(), reads.killed(pytestconfig.getoption("--read-kills"))
    if more:
        assert sorted(killed.splitlines()) == sorted(whole.splitlines())
    else:
        assert killed == whole


SETS = 3_000
ONE_BY_ONE = ("-j", "1", "--batch", "5")
"""When the first answers are there, hardly a set was asked for; the spool is read ahead of that."""


@pytest.mark.parametrize("target", ["postgresql"], indirect=True)
@pytest.mark.parametrize("params", ["sql:select id from numbers order by id", "-"])
def test_killed_exports_of_sets_that_come_once(
    target: Target, params: str, nursery: Nursery, cli: Cli, chance: random.Random
) -> None:
    """A pipe or a query that was read to its end is needed no more: the spool has everything, and goes at the end."""
    reads = Reads(nursery, cli, target, SETS, "out.jsonl", chance, 1_500)  # work is left when the source has ended
    whole = reads.whole()
    reads.params, reads.sizes = params, ONE_BY_ONE
    if params == "-":
        reads.stdin = b"id\n" + b"".join(b"%d\n" % n for n in range(1, SETS + 1))
        reads.more = ("--params-format", "csv")
    reads.begin_and_kill()
    assert list(reads.spools())
    assert reads.killed(2) == whole
    assert not list(reads.spools())

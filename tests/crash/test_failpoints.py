"""Killed at named places, at the 1st, 2nd and 10th passage, then resumed: whatever was half done is done once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.crash.failpoints import BACKFILL_FAILPOINTS, BY_NAME, FAILPOINTS, Failpoint, owner_of
from tests.support.crash.nursery import (
    BUMP,
    done_ranges,
    histogram,
    make_counters,
    make_ledger,
    marked,
    recorded,
    run_rows,
    slow_bump,
    slow_read,
)
from tests.support.servers.processes import wait_until
from tests.support.targets import Target

if TYPE_CHECKING:
    from tests.support.command import Cli
    from tests.support.crash.nursery import Ended, Nursery
    from tests.support.sqlite_files import SqliteFile

ROWS = 120
PAIRS = [(kind, point.name) for kind in ("postgresql", "sqlite") for point in FAILPOINTS if kind in point.kinds]


class Task:
    """A run of one kind, from a command line to what must be there at the end."""

    def __init__(self, kind: str, nursery: Nursery, cli: Cli, target: Target) -> None:
        """Make the tables that it needs."""
        self.kind = kind
        self._nursery = nursery
        self._cli = cli
        self._target = target
        if kind == "read":
            target.numbers(ROWS)
        else:
            make_counters(target, ROWS)

    def go(self, failpoint: str = "", passage: int = 1) -> Ended:
        """Begin; or resume what is in the ledger."""
        arguments, stdin = self._resume() if recorded(self._cli) else self.begin()
        return self._nursery.run(self._cli, *arguments, failpoint=failpoint, passage=passage, stdin=stdin)

    def begin(self) -> tuple[list[str], bytes | None]:
        """Arguments and standard input of the first process."""
        self.untouched()
        common = ["-t", self._target.url, "-j", "3", "--batch", "3", "--progress", "none"]
        if self.kind == "read":
            sql = slow_read(self._target, 30_000)
            return ["run", "-e", sql, "-p", f"range:id=1..{ROWS}", "-o", "out.jsonl", *common], None
        if self.kind in {"write", "slow"}:
            sql = BUMP if self.kind == "write" else slow_bump(self._target, 40_000)
            return ["run", "-e", sql, "-p", f"range:id=1..{ROWS}", "--write", *common], None
        ids = "id\n" + "".join(f"{n}\n" for n in range(1, ROWS + 1))
        return ["run", "-e", BUMP, "-p", "-", "--params-format", "csv", "--write", *common], ids.encode()

    def _resume(self) -> tuple[list[str], None]:
        return ["resume", "--last", "-j", "2", "--batch", "2", "--progress", "none"], None

    def untouched(self) -> None:
        """A run that the ledger does not know has sent nothing."""
        if self.kind != "read":
            assert histogram(self._target) == {0: ROWS}

    def look(self) -> None:
        """Everything once, nothing left behind."""
        ((run, state),) = recorded(self._cli)
        assert state == "finished"
        assert done_ranges(self._cli) == [(1, ROWS)]
        if self.kind == "read":
            lines = (self._cli.folder / "out.jsonl").read_text().splitlines()
            assert [json.loads(line)["id"] for line in lines] == list(range(1, ROWS + 1))
            assert not (self._cli.folder / "out.jsonl.partial").exists()
        else:
            assert histogram(self._target) == {1: ROWS}
            assert (marked(self._target), run_rows(self._target, run)) == ([], 0)
        assert list((self._cli.folder / "state" / "bulkq").glob(f"{run}.*")) == []


@pytest.mark.parametrize(("target", "name"), PAIRS, indirect=["target"])
def test_dies_there_and_goes_on(name: str, target: Target, cli: Cli, nursery: Nursery) -> None:
    """One process after the other dies at the same place, later each time; the last one finds everything done once."""
    point = BY_NAME[name]
    task = Task(point.task, nursery, cli, target)
    if not point.fresh:
        make_ledger(cli)
    if point.resuming:  # a pipe's spool is whole by then
        assert task.go(*(("after-mark", 1) if point.task == "spool" else ("after-group-commit", 3))).killed
    for passage in point.passages:
        ended = task.go(name, passage)
        assert ended.killed, f"passage {passage} was not reached, exit {ended.code}: {ended.err}"
    ended = task.go()
    assert ended.code == 0, ended.err
    task.look()


@pytest.mark.parametrize("point", BY_NAME.values(), ids=lambda point: point.name)
def test_is_still_there(point: Failpoint) -> None:
    """What a failpoint wraps has the name that it had."""
    assert callable(getattr(*owner_of(point.where)))


def test_they_are_many() -> None:
    """At least 25 places, no two of one name."""
    assert len({point.where + point.when for point in FAILPOINTS}) >= 25
    assert len(BY_NAME) == len(FAILPOINTS) + len(BACKFILL_FAILPOINTS)


def test_a_pipe_that_was_cut_off(cli: Cli, nursery: Nursery, sqlite_file: SqliteFile) -> None:
    """What a pipe had not given when the run was killed is lost: the rest is done, and nobody calls that success."""
    path = sqlite_file()
    target = Target("sqlite", f"sqlite:///{path}", str(path))
    task = Task("spool", nursery, cli, target)
    arguments, given = task.begin()
    process = cli.start(*arguments, stdin=True)
    assert process.stdin is not None
    process.stdin.write(given or b"")
    process.stdin.flush()  # and then nothing, neither more nor the end
    wait_until(lambda: histogram(target).get(0, 0) < ROWS, "rows are changed")
    process.kill()
    process.wait()
    ended = task.go()
    assert ended.code == 3, ended.err
    assert "cut off" in ended.err
    assert histogram(target) == {1: ROWS}


RETURNING = "update counters set n = n + 1 where id = :id returning id, n"


@pytest.mark.parametrize("target", ["postgresql", "sqlite"], indirect=True)
def test_answers_of_a_write_are_lost_with_it(cli: Cli, nursery: Nursery, target: Target) -> None:
    """Killed between commit and answer: the changes are there once, and what cannot be told any more is counted."""
    make_counters(target, ROWS)
    where = ["-t", target.url, "-p", f"range:id=1..{ROWS}", "--write", "-o", "out.jsonl", "-j", "1", "--batch", "5"]
    where += ["--failures", "failures.jsonl"]
    failpoint = f"after-commit-{target.kind}"
    ended = nursery.run(cli, "run", "-e", RETURNING, *where, failpoint=failpoint, passage=4)
    assert ended.killed, ended.err
    ended = nursery.run(cli, "resume", "--last")
    assert ended.code == 3, ended.err
    assert histogram(target) == {1: ROWS}
    lost = int(ended.counts["unanswered"])
    assert 5 <= lost <= 20
    told = [json.loads(line)["id"] for line in (cli.folder / "out.jsonl").read_text().splitlines()]
    assert len(set(told)) == len(told) == ROWS - lost
    listed = [json.loads(line) for line in (cli.folder / "failures.jsonl").read_text().splitlines()]
    assert {one["n"] for one in listed} == set(range(1, ROWS + 1)) - set(told)
    assert {one["outcome"] for one in listed} == {"ok"}
    again = ["-t", target.url, "-p", "failures.jsonl", "--write"]
    ended = nursery.run(cli, "run", "-e", RETURNING, *again)
    assert (ended.code, histogram(target)) == (0, {1: ROWS}), "what was applied is no parameter set of a repeat"

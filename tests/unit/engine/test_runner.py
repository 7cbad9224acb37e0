"""Runs over targets on SQLite files: canaries, limits, deadlines, refused statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.engine.run_context import StopLimits
from bulkq.engine.runner import Runner
from bulkq.engine.stop_control import Control
from bulkq.ledger import NoLedger
from bulkq.model import Failure, Outcome
from bulkq.policy.progress import Progress
from tests.support.lanes import part
from tests.support.sqlite_files import column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from tests.support.sqlite_files import SqliteFile

ADD = "insert into t values (:id)"
SETS = [{"id": n} for n in range(1, 4)]


@pytest.fixture
def urls(sqlite_file: SqliteFile) -> list[str]:
    """Three databases with an empty table."""
    return [
        f"sqlite:///{sqlite_file('create table t (id integer primary key)', f'{name}.db')}" for name in ("a", "b", "c")
    ]


def ids(url: str) -> list[int]:
    """What is in the table."""
    return column(url.removeprefix("sqlite:///"), "select id from t order by id")


async def carried_out(
    parts: Sequence[PartState], *, canaries: Sequence[PartState] = (), **rules: object
) -> tuple[Runner, Progress]:
    """A run that has ended."""
    progress = Progress()
    runner = Runner(
        parts,
        concurrency=4,
        progress=progress,
        observers=[],
        control=Control(),
        rules=StopLimits(**rules),  # type: ignore[arg-type]
        ledger=NoLedger(),
        canaries=[part.sessions for part in canaries],
    )
    try:
        await runner.run()
    finally:
        for one in parts:
            await one.sessions.close()
    return runner, progress


async def test_every_target_gets_every_set(urls: list[str]) -> None:
    """The counts are those of all targets."""
    runner, progress = await carried_out([part(url, ADD, SETS, write=True) for url in urls])
    assert [ids(url) for url in urls] == [[1, 2, 3]] * 3
    assert (progress.counts.ok, progress.targets, progress.targets_done) == (9, 3, 3)
    assert (runner.error, runner.failures, runner.control.draining) == (None, [], False)


@pytest.mark.parametrize(("sets", "others"), [(SETS, [1, 2, 3]), ([{"id": 1}, {"id": 1}], [])])
async def test_the_others_wait_for_the_canary(
    urls: list[str], sets: list[dict[str, object]], others: list[int]
) -> None:
    """If a set failed there, no other target was touched, and the reason says how to go on."""
    parts = [part(urls[0], ADD, sets, write=True), *(part(url, ADD, SETS, write=True) for url in urls[1:])]
    runner, _ = await carried_out(parts, canaries=parts[:1])
    assert [ids(url) for url in urls[1:]] == [others, others]
    assert ("canary target failed" in runner.control.reason) is (not others)


async def test_too_many_failed_targets_stop_the_run(urls: list[str]) -> None:
    """One failed target is one more than allowed."""
    parts = [part(urls[0], ADD, [{"id": 1}, {"id": 1}], write=True), part(urls[1], ADD, SETS, write=True)]
    runner, _ = await carried_out(parts, max_failed_targets=0)
    assert runner.control.reason == "1 targets failed, --max-failed-targets 0"


async def test_a_deadline_cancels_what_runs(urls: list[str]) -> None:
    """An endless statement ends with the run's deadline, long before its own timeout."""
    endless = "with recursive c(n) as (select :n union all select n + 1 from c) select max(n) from c"
    runner, progress = await carried_out([part(urls[0], endless, [{"n": 1}])], deadline_s=0.2)
    assert (runner.control.cancelled, runner.control.reason) == (True, "the deadline of 0.2s passed")
    assert progress.counts.ok == 0


async def test_a_refused_statement_fails_once(urls: list[str]) -> None:
    """None of its sets is tried, and it is one failure."""
    one = part(urls[0], ADD, SETS, write=True)
    one.refused = Failure(
        n=1,
        source="",
        target="t",
        query="q",
        params={},
        outcome=Outcome.ROLLED_BACK,
        sqlstate="42P01",
        message="no t",
        attempts=0,
    )
    runner, progress = await carried_out([one])
    assert (progress.counts.failed, progress.counts.ok, one.taken) == (1, 0, 0)
    assert [failure.message for failure in runner.failures] == ["no t"]
    assert ids(urls[0]) == []


async def test_a_run_does_not_go_on_without_its_timer(urls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No deadline would hold any more: the error of the timer ends the run."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Runner, "_tell", broken)
    endless = "with recursive c(n) as (select :n union all select n + 1 from c) select max(n) from c"
    with pytest.raises(ZeroDivisionError):
        await carried_out([part(urls[0], endless, [{"n": 1}])])

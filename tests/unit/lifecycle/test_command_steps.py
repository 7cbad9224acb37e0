"""The lifecycle by itself: the order of its steps, and what it cleans up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import LedgerError, StoppedError
from bulkq.ledger import NoLedger
from bulkq.lifecycle import command_steps
from bulkq.lifecycle.command_steps import Job, Steps, _import_in_turn, carry_out
from bulkq.model import RunSummary, Status
from bulkq.policy.progress import Progress

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from bulkq.engine.part_state import PartState
    from bulkq.model import BatchResult
    from bulkq.protocols import Ledger


@dataclass
class Story:
    """What happened, in order: an open job, its record and its observer in one."""

    fails: str = ""
    hangs: str = ""
    events: list[str] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)
    parts: tuple[PartState, ...] = ()

    @property
    def observers(self) -> tuple[Story, ...]:
        return (self,)

    def discard(self) -> None:
        self.events.append("discard")

    def started(self, progress: Progress) -> None:
        assert progress.started_s > 0
        self.events.append("started")

    def batch_done(self, result: BatchResult) -> None:
        """No batch is executed."""

    def notice(self, text: str) -> None:
        self.events.append(text)

    def finished(self, summary: RunSummary) -> None:
        self.events.append(f"finished {summary.run}")

    async def open(self, job: Job, stack: AsyncExitStack) -> Story:
        stack.callback(self.events.append, "closed")
        return self._done("open")

    async def preflight(self, story: Story) -> Story:
        return await story._awaited("preflight")

    async def record(self, story: Story) -> Story:
        return await story._awaited("record")

    async def execute(self, story: Story) -> int:
        story._done("execute")
        return 7

    async def finish(self, story: Story, executed: int) -> RunSummary:
        story._done(f"finish {executed}")
        return RunSummary(run="r", status=Status.OK, exit_code=0, mode="read", targets=())

    def _done(self, step: str) -> Story:
        self.events.append(step)
        if step == self.fails:
            raise LedgerError(step)
        return self

    async def _awaited(self, step: str) -> Story:
        if step == self.hangs:
            await asyncio.Event().wait()
        return self._done(step)

    async def carried_out(self, job: type[Job] = Job) -> RunSummary:
        ledger: asyncio.Future[Ledger] = asyncio.get_running_loop().create_future()
        ledger.set_result(NoLedger())
        steps = Steps(
            open=self.open,
            preflight=self.preflight,
            record=self.record,
            first_line=lambda _: "first line",
            execute=self.execute,
            finish=self.finish,
        )
        return await carry_out(steps, job(run="r", ledger=ledger, control=Control(), observers=self.observers))


async def test_the_steps_have_one_order() -> None:
    """A job is announced behind its record, and what it has opened is closed at its end."""
    story = Story()
    assert (await story.carried_out()).run == "r"
    before = ["open", "preflight", "record", "started", "first line"]
    assert story.events == [*before, "execute", "finish 7", "finished r", "closed"]


@pytest.mark.parametrize("step", ["preflight", "record"])
async def test_a_job_that_does_not_begin_leaves_nothing(step: str) -> None:
    """Its outputs are discarded, and it is not announced."""
    story = Story(fails=step)
    with pytest.raises(LedgerError):
        await story.carried_out()
    assert story.events[-3:] == [step, "discard", "closed"]
    assert "started" not in story.events


class Hurried(Job):
    """A job with a deadline."""

    @property
    def deadline_s(self) -> float:
        return 0.01


@pytest.mark.parametrize("step", ["preflight", "record"])
async def test_a_job_that_hangs_before_its_start_ends_at_its_deadline(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may hold a COMMIT for ever. An error of time within a step is not the deadline."""
    monkeypatch.setattr(command_steps, "START_S", 0.0)
    story = Story(hangs=step)
    with pytest.raises(StoppedError, match="the deadline of 0.01s passed before the run started"):
        await story.carried_out(Hurried)
    assert story.events[-2:] == ["discard", "closed"]


async def test_an_error_of_time_within_a_step_is_not_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised as it is."""
    story = Story()

    async def late(_: Story) -> Story:
        raise TimeoutError("a step of its own")

    monkeypatch.setattr(story, "record", late)
    with pytest.raises(TimeoutError, match="a step of its own"):
        await story.carried_out(Hurried)


async def test_a_job_that_has_begun_is_not_discarded() -> None:
    """If its execution fails, its outputs are those of a run that can be resumed."""
    story = Story(fails="execute")
    with pytest.raises(LedgerError):
        await story.carried_out()
    assert story.events[-2:] == ["execute", "closed"]


START = """
import sys
from bulkq.tasks import {task}
early = [name for name in {task}.{steps}.later if name in sys.modules]
assert not early, early
"""


@pytest.mark.parametrize(("task", "steps"), [("run", "RUN"), ("maintain", "MAINTAIN")])
def test_a_task_leaves_modules_to_the_time_when_a_server_works(task: str, steps: str) -> None:
    """No module of its later steps is imported before the first connection."""
    subprocess.run([sys.executable, "-c", START.format(task=task, steps=steps)], check=True, timeout=60)


async def test_others_have_their_turn_between_two_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is ready goes on before each import; a module that is there takes no turn."""
    for name in ("in_turn_a", "in_turn_b"):
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []

    async def look() -> None:
        for _ in range(3):
            seen.append(sum(name in sys.modules for name in ("in_turn_a", "in_turn_b")))
            await asyncio.sleep(0)

    importing = asyncio.create_task(_import_in_turn(["sys", "in_turn_a", "in_turn_b"]))
    await asyncio.gather(importing, asyncio.create_task(look()))
    assert seen == [0, 1, 2]
    for name in ("in_turn_a", "in_turn_b"):
        del sys.modules[name]

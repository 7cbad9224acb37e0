"""A command in this process as a job, the steps of a kind of jobs, and `carry_out`, which takes a job through its steps."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import field
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from bulkq.errors import BulkqError, StoppedError
from bulkq.lifecycle.resume_state import ResumeState
from bulkq.model.frozen_dataclass import frozen, mutable
from bulkq.telemetry.trace_run import trace_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import BinaryIO

    from bulkq.engine.part_state import PartState
    from bulkq.engine.pool import ConnectionPool
    from bulkq.engine.stop_control import Control
    from bulkq.model import Run, RunSummary
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Ledger, Observer, ParameterSource, Sink, Throttle

ENGINE = ("bulkq.engine.delivery.choose", "bulkq.engine.lane", "bulkq.engine.runner", "bulkq.lifecycle.live_control")
"""`Steps.later` of every job, in pieces of a few milliseconds."""

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that looks like a digit."""


START_S = 10.0
"""A start that takes no longer ends by itself, and the deadline of the run then stops it with a summary."""


@mutable
class CallerResources:
    """Source, sink and connections that the Python API passes in. A run with them has exactly one query."""

    source: ParameterSource
    sink: Sink
    sessions: ConnectionPool


@frozen
class Console:
    """The standard streams of the process."""

    stdout: BinaryIO | None = None
    stdin: BinaryIO | None = None
    terminal: bool = False


@frozen(kw_only=True)
class Job:
    """One command in this process: who stops it, who is told, where it is recorded.

    Attributes:
        run: the id of the run.
        ledger: where it is recorded; opened while the targets are connected to.
        control: stops the run from outside.
        observers: are notified of each batch.
        console: stdout for rows if no file is named, and stdin for `-p -`.
    """

    run: str
    ledger: asyncio.Future[Ledger]
    control: Control
    observers: Sequence[Observer] = ()
    console: Console = field(default_factory=Console)

    @property
    def deadline_s(self) -> float | None:
        """Seconds after which the job stops, also before its first statement; None for no limit, or one of its own."""
        return None

    def say(self, text: str) -> None:
        """Show `text` to the user, through the observers."""
        for observer in self.observers:
            observer.notice(text)


@frozen(kw_only=True)
class RunJob(Job):
    """A job of `run`, `resume`, `retry` or the Python API.

    Attributes:
        request: what to do.
        given: source, sink and connections of the Python API.
        resume: what earlier processes or an earlier run have left.
    """

    request: Run
    given: CallerResources | None = None
    resume: ResumeState = field(default_factory=ResumeState)

    @property
    def deadline_s(self) -> float | None:
        """That of the request."""
        return self.request.limits.deadline_s


class OpenJob(Protocol):
    """What a job holds open."""

    @property
    def job(self) -> Job:
        """Whose it is."""

    @property
    def throttle(self) -> Throttle | None:
        """Holds the lanes back while it has a reason."""

    @property
    def progress(self) -> Progress:
        """Live counters."""

    @property
    def observers(self) -> Sequence[Observer]:
        """Those of the job, and files that are written as it goes on."""

    def discard(self) -> None:
        """Leave no file behind, because no statement of the user was executed."""


class RecordedJob(Protocol):
    """A job that is on record and may begin."""

    @property
    def parts(self) -> Sequence[PartState]:
        """Those whose parameter sets are counted."""


JobType = TypeVar("JobType", bound=Job)
OpenedType = TypeVar("OpenedType", bound=OpenJob)
LookedType = TypeVar("LookedType")
RecordedType = TypeVar("RecordedType", bound=RecordedJob)
ExecutedType = TypeVar("ExecutedType")


@frozen(kw_only=True)
class Steps(Generic[JobType, OpenedType, LookedType, RecordedType, ExecutedType]):
    """The steps of a kind of jobs, each from one value to the next. No statement of the user is executed before `execute`.

    Attributes:
        open: all that needs no connection; what must be closed is given to the stack.
        preflight: what the targets can be asked.
        record: makes the beginning durable.
        first_line: what runs where, for people.
        execute: runs all parts to their end or to a stop.
        finish: closes outputs and record.
        later: modules that no step before `record` needs. They are imported while the targets answer: a server takes longer to start a
            session than Python takes to import a fifth of what a run needs.
    """

    open: Callable[[JobType, AsyncExitStack], Awaitable[OpenedType]]
    preflight: Callable[[OpenedType], Awaitable[LookedType]]
    record: Callable[[LookedType], Awaitable[RecordedType]]
    first_line: Callable[[RecordedType], str]
    execute: Callable[[RecordedType], Awaitable[ExecutedType]]
    finish: Callable[[RecordedType, ExecutedType], Awaitable[RunSummary]]
    later: Sequence[str] = ()


async def carry_out(
    steps: Steps[JobType, OpenedType, LookedType, RecordedType, ExecutedType], job: JobType
) -> RunSummary:
    """Take `job` through `steps`, announce it, and close what it has opened.

    Raises:
        BulkqError: no statement of the user was executed: usage (2), target (3), refused (4).
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close_ledger, job)
        opened = await steps.open(job, stack)
        if steps.later:
            stack.callback(asyncio.create_task(_import_in_turn(steps.later)).cancel)
        try:
            recorded = await _prepared(steps, opened, job.deadline_s)
        except BaseException:
            opened.discard()
            raise
        job.control.begun = True
        from bulkq.lifecycle.live_control import open_live_control

        line = steps.first_line(recorded)
        unreachable = await open_live_control(job.run, job.control, await job.ledger, stack)
        totals = [0 if part.unmet else part.source.total for part in recorded.parts]
        opened.progress.begin(totals, time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds"))
        for observer in opened.observers:
            observer.started(opened.progress)
            observer.notice(line)
        if unreachable:
            job.say(unreachable)
        with trace_run(opened.progress):
            executed = await steps.execute(recorded)
        summary = await steps.finish(recorded, executed)
        for observer in opened.observers:
            observer.finished(summary)
        return summary


async def _import_in_turn(modules: Sequence[str]) -> None:
    """Import `modules`, each when the event loop has done what was ready. Those that are there cost nothing."""
    for module in modules:
        if module not in sys.modules:
            await asyncio.sleep(0)
            import_module(module)


async def _prepared(
    steps: Steps[JobType, OpenedType, LookedType, RecordedType, ExecutedType],
    opened: OpenedType,
    deadline_s: float | None,
) -> RecordedType:
    """Look at the targets and record the beginning, within the deadline: a server may hold a COMMIT for ever."""
    try:
        async with asyncio.timeout(None if deadline_s is None else max(deadline_s, START_S)) as clock:
            return await steps.record(await steps.preflight(opened))
    except TimeoutError as error:
        if not clock.expired():
            raise
        why = f"the deadline of {deadline_s:g}s passed before the run started: no query was executed"
        raise StoppedError(why) from error


async def _close_ledger(job: Job) -> None:
    with contextlib.suppress(BulkqError, ImportError):  # the error was raised where the ledger was needed
        await (await job.ledger).close()


def new_run_id(now_s: float | None = None) -> str:
    """Return ten characters: six of the time, so that ids sort by age (in seconds, for 34 years), and four random ones."""
    number = int(time.time() if now_s is None else now_s) % 32**6
    number = number * 32**4 + secrets.randbelow(32**4)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(45, -1, -5))

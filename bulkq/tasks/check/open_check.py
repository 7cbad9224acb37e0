"""Open what `bulkq check` needs before it connects: the request, the targets, the throttle."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.engine.pool import MOST_OPEN
from bulkq.errors import UsageError
from bulkq.lifecycle import open_targets
from bulkq.lifecycle.begin_progress import begin_progress
from bulkq.lifecycle.command_steps import Job
from bulkq.lifecycle.open_executor import open_executor
from bulkq.model import CHECK_MODE
from bulkq.model.frozen_dataclass import frozen
from bulkq.query import read_rules as rules_of
from bulkq.sources.source_request import request_of
from bulkq.tasks.check.check_parameter_values import ValueQuestion, ValueQuestions
from bulkq.tasks.check.result_book import Book
from bulkq.throttles import describe_run, open_throttles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AsyncExitStack
    from typing import BinaryIO

    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.prepare_workers import OpenExecutor
    from bulkq.model import Query, Run, Target
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Observer, Throttle
    from bulkq.sources import Request
    from bulkq.throttles import RunThrottles

ROOTS = ("bulkq.toml", ".git")
"""What stands in the root of a project."""

QUERIED = ("sql:", "@")
"""Parameter sources that are queries of the user's."""

MOST_ASKING = MOST_OPEN // 2
"""Connections over which parameter sets are read at once. With more such parts, each connects again when its turn comes."""

MOST_ROWS = 10_000_000
"""Rows that a check's result may have; who wants to count more counts in SQL."""


@frozen(kw_only=True)
class CheckRequest:
    """What the user asked `bulkq check` for, after parsing.

    Attributes:
        run: queries, targets, parameters, limits; nothing is ever written.
        references: of `same as`, by the check's place: the query that it is compared with.
        variants: of the references, by the place and line of the check, if there may be several: each target has one.
        other_targets: of `same as NAME on TARGET`, by the name as written.
        elsewhere: the selected checks of the other shards, which parameters and their sources may be for.
        snapshot: all checks of a target see one moment.
        allow_empty: no checks, no parameter sets, no targets are no error.
        most_rows: a check whose result has more rows is an error.
    """

    run: Run
    references: Mapping[str, Query] = field(default_factory=dict)
    variants: Mapping[tuple[str, int], Sequence[Query]] = field(default_factory=dict)
    other_targets: Mapping[str, Target] = field(default_factory=dict)
    elsewhere: tuple[Query, ...] = ()
    snapshot: bool = False
    allow_empty: bool = False
    most_rows: int = MOST_ROWS

    def compared_with(self, check: Query) -> Sequence[Query]:
        """The queries of which `check` is compared with one."""
        return self.variants.get((check.place, check.line)) or (self.references[check.place],)

    @property
    def every(self) -> tuple[Query, ...]:
        """All queries that the options are for: the checks of all shards, and what they are compared with."""
        return (*self.run.queries.selected, *self.elsewhere, *self.references.values())


@frozen(kw_only=True)
class CheckJob(Job):
    """A job of `bulkq check`.

    Attributes:
        request: what to check, with its final targets.
        began_s: when the command began, on the monotonic clock.
    """

    request: CheckRequest
    began_s: float


@frozen
class CheckTarget:
    """A target as the results name it: a database, or one schema of it."""

    database: OpenTarget
    target: Target
    label: str


@frozen(kw_only=True)
class OpenChecks:
    """Everything that a run of checks holds open.

    Attributes:
        stack: closes what is opened later.
        databases: every target once, also those of `same as NAME on TARGET`.
        targets: as the results name them.
        others: of `same as NAME on TARGET`, by the name as written.
        ends_s: the run's deadline, on the monotonic clock.
        holders: connections that hold a snapshot until the run ends.
        reserved: connections beside those of the lanes.
        asks_twice: too many parts read their sets from a query: each connects again when its turn comes.
        keeps: every target can keep a connection while the others are looked at.
        compares: there are several databases, of which two may be one.
        throttles: what holds the lanes, and what ends the run.
        values: asks targets about parameter values.
        questions: what it is to ask next.
        warned: warnings that were given.
        chosen: by target, place and line of a check: what it is compared with there, or why with nothing.
    """

    job: CheckJob
    request: CheckRequest
    stack: AsyncExitStack
    databases: list[OpenTarget]
    targets: list[CheckTarget]
    others: dict[str, OpenTarget]
    progress: Progress
    book: Book
    started_at: str
    observers: Sequence[Observer]
    throttles: RunThrottles
    ends_s: float | None
    holders: int
    reserved: int
    asks_twice: bool
    keeps: bool
    compares: bool
    values: ValueQuestions = field(default_factory=ValueQuestions)
    questions: list[ValueQuestion] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)
    chosen: dict[tuple[str, str, int], Query | str] = field(default_factory=dict)

    @property
    def throttle(self) -> Throttle | None:
        """What holds the lanes."""
        return self.throttles.throttle

    def warn_once(self, text: str) -> None:
        """Notice a text, unless another check has led to the same."""
        if text not in self.warned:
            self.warned.add(text)
            self.job.say(text)

    def discard(self) -> None:
        """Nothing: checks write no file as they run."""


async def open_checks(job: CheckJob, stack: AsyncExitStack) -> OpenChecks:
    """Open the targets, none of which is connected to yet, and the throttle.

    Raises:
        UsageError: a URL cannot be used; more snapshots are wanted than connections can be open.
    """
    request, now = job.request, datetime.now(UTC)
    every = request.run.on((*request.run.targets.selected, *request.other_targets.values()))
    executor = await open_executor(request.run, job.run, job.say, stack)
    remote = None if executor is None else executor.driver
    databases = open_targets.open_all(every, f"bulkq/{job.run}", job.say, remote)
    if executor is not None:
        await executor.prepare(request.run, ())
    for database in databases:
        stack.push_async_callback(database.sessions.close)
    at = {place: database for database in databases for place in database.places}
    labels = open_targets.labels(every, databases)
    selected = request.run.targets.selected
    holders, asking = _holders(request, len(databases)), _asking(request)
    holding = describe_run(request.run, job.run, [(one.label, one.definition) for one in databases], job.say)
    return OpenChecks(
        job=job,
        request=request,
        stack=stack,
        databases=databases,
        targets=[CheckTarget(at[place], target, labels[place]) for place, target in enumerate(selected)],
        others={name: at[place] for place, name in enumerate(request.other_targets, len(selected))},
        progress=_progress(job, executor),
        book=Book(started_s=time.monotonic(), today=now.date()),
        started_at=now.isoformat(timespec="milliseconds"),
        observers=job.observers,
        ends_s=_watch_the_clock(job, stack),
        throttles=await open_throttles(request.run.limits, stack, holding),
        holders=holders,
        reserved=holders + min(asking, MOST_ASKING),
        asks_twice=asking > MOST_ASKING,
        keeps=len(databases) + holders <= MOST_OPEN,
        compares=len(databases) > 1,
    )


def _holders(request: CheckRequest, databases: int) -> int:
    """How many connections hold a snapshot.

    Raises:
        UsageError: more than can be open.
    """
    if not request.snapshot:
        return 0
    if databases >= MOST_OPEN:
        raise UsageError(
            f"--snapshot keeps a connection open on each of {databases} targets, and {MOST_OPEN - 1} are possible: "
            "select fewer targets, or leave it out"
        )
    return databases


def _asking(request: CheckRequest) -> int:
    """How many parts read their parameter sets from a query, over a connection of its own."""
    run = request.run
    asks = [
        query for query in run.queries.selected if any(spec.startswith(QUERIED) for spec in specs(run, query, query))
    ]
    return len(run.targets.selected) * sum(2 if query.place in request.references else 1 for query in asks)


def _progress(job: CheckJob, executor: OpenExecutor | None) -> Progress:
    run = job.request.run
    name = run.queries.name or f"{len(run.queries.selected)} checks"
    return begin_progress(
        job, executor, name=name, command="check", mode=CHECK_MODE, concurrency=run.limits.concurrency
    )


def _watch_the_clock(job: CheckJob, stack: AsyncExitStack) -> float | None:
    """When `--deadline` ends the run. It counts from the first connection on: a silent target is waited for no longer."""
    deadline_s = job.request.run.limits.deadline_s
    if deadline_s is None:
        return None
    ends_s = job.began_s + deadline_s
    left_s = max(0.0, ends_s - time.monotonic())
    passed = f"the deadline of {deadline_s:g}s passed"
    stack.callback(asyncio.get_running_loop().call_later(left_s, job.control.cancel, passed).cancel)
    return ends_s


def specs(run: Run, check: Query, query: Query) -> tuple[str, ...]:
    """Where the sets of `query` come from, which is `check` or compared with it: `-p`, else `@params`, from beside the check's file."""
    if not query.parameters:
        return ()
    if run.sources.specs:
        return run.sources.specs
    folder = Path(check.file).parent if check.file else Path()
    return tuple(_beside(spec, folder) for spec in rules_of(check).params)


def wanted_sets(request: CheckRequest, check: Query, query: Query, stdin: BinaryIO | None) -> Request:
    """What `open_source` is asked for `query`, which is `check` or is compared with it and may need less."""
    run = request.run
    every = request.every if run.sources.specs else ()
    return replace(
        request_of(run.sources, stdin),
        specs=specs(run, check, query),
        ignore_extra_columns=run.sources.ignore_extra_columns or query.place != check.place,
        others=frozenset(parameter.name for each in every for parameter in each.parameters),
        grid=run.sources.grid or len(rules_of(check).params) > 1,
    )


def _beside(spec: str, folder: Path) -> str:
    if spec.startswith(("range:", "sql:")):
        return spec
    if spec.startswith("@"):
        return f"@{folder / spec[1:]}"
    return str(folder / spec)


def in_project(file: str, roots: dict[str, str | None] | None = None) -> str:
    """`file` as it is called from the root of its project; outside of one as it was written.

    `roots` keeps the root of each folder between calls.
    """
    whole = os.path.abspath(file)  # noqa: PTH100 - a link is another check than what it leads to
    known = {} if roots is None else roots
    folder = os.path.dirname(whole)  # noqa: PTH120 - a hundred checks have one folder
    if folder not in known:
        parents = Path(whole).parents
        root = next((one for one in parents if any((one / mark).exists() for mark in ROOTS)), None)
        known[folder] = None if root is None else str(root)
    above = known[folder]
    name = os.path.normpath(file) if above is None else whole[len(above) :].lstrip(os.sep)
    return name.replace(os.sep, "/")

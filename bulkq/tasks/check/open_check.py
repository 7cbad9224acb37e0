"""Open the targets and checks of `bulkq check`: each check on each target is a part of the run."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.engine.part_state import PartState
from bulkq.engine.pool import MOST_OPEN
from bulkq.errors import DatabaseError, ParameterError, StoppedError, TargetError, UsageError
from bulkq.lifecycle import open_targets
from bulkq.lifecycle.job import Job
from bulkq.lifecycle.run_identity import source_request
from bulkq.model import Decoding, Limits, PartSpec, Query, Run, StatementClass, Target
from bulkq.model.check_conditions import Measure
from bulkq.model.dataclass import frozen
from bulkq.policy.batch_size import BatchSize
from bulkq.policy.limits import effective
from bulkq.policy.progress import Progress
from bulkq.query import rules as rules_of
from bulkq.sinks.null import NoSink
from bulkq.sources import open_source
from bulkq.sources.first_batch import PeekableSource
from bulkq.targets.query_rows import rows_of
from bulkq.tasks.check.evaluate import CheckJudge, Digest, Pair, Reference
from bulkq.tasks.check.results import Book, CheckPlace
from bulkq.tasks.check.validate import first_sets, untyped_warnings, values_fit
from bulkq.throttles import open_throttle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AsyncExitStack
    from typing import BinaryIO

    from bulkq.ledger.checks import CheckHistory
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model.check_conditions import Condition
    from bulkq.protocols import Observer, ParameterSource, Throttle
    from bulkq.sources import Request

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
        other_targets: of `same as NAME on TARGET`, by the name as written.
        snapshot: all checks of a target see one moment.
        allow_empty: no checks, no parameter sets, no targets are no error.
        most_rows: a check whose result has more rows is an error.
    """

    run: Run
    references: Mapping[str, Query] = field(default_factory=dict)
    other_targets: Mapping[str, Target] = field(default_factory=dict)
    snapshot: bool = False
    allow_empty: bool = False
    most_rows: int = MOST_ROWS


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


@dataclass(slots=True)
class PlannedCheck:
    """One check on one target: a part of the run, or the reason why it cannot be one."""

    place: CheckPlace
    judge: CheckJudge
    parts: list[PartState] = field(default_factory=list)  # the check's own first
    error: str = ""
    late: bool = False  # the error is the run's end, not the check's

    def cannot_begin(self, target: OpenTarget, words: str = "") -> None:
        """Take the reason why `target` is lost, behind `words`, for an error."""
        self.error, self.late = f"{words}{target.lost}", isinstance(target.lost, StoppedError)


@frozen(kw_only=True)
class OpenChecks:
    """Everything that a run of checks holds open.

    Attributes:
        stack: closes what is opened later.
        databases: every target once, also those of `same as NAME on TARGET`.
        targets: as the results name them.
        others: of `same as NAME on TARGET`, by the name as written.
        asked: see `values_fit`.
        warned: warnings that were given.
        ends_s: the run's deadline, on the monotonic clock.
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
    throttle: Throttle | None
    ends_s: float | None
    asked: set[tuple[object, ...]] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)

    @property
    def holders(self) -> int:
        """Connections that hold a snapshot until the run ends."""
        return len(self.databases) if self.request.snapshot else 0

    @property
    def asking(self) -> int:
        """Parts whose parameter sets are the rows of a query, which is read over a connection of its own."""
        run = self.request.run
        asks = [
            query
            for query in run.queries.selected
            if any(spec.startswith(QUERIED) for spec in specs(run, query, query))
        ]
        return len(self.targets) * sum(2 if query.place in self.request.references else 1 for query in asks)

    @property
    def keeps(self) -> bool:
        """Whether every target can keep a connection while the others are looked at."""
        return len(self.databases) + self.holders <= MOST_OPEN

    @property
    def compares(self) -> bool:
        """Whether there are several databases, of which two may be one."""
        return bool(self.others) or len(self.databases) > 1

    def warn_once(self, text: str) -> None:
        """Notice a text, unless another check has led to the same."""
        if text not in self.warned:
            self.warned.add(text)
            self.job.say(text)

    def discard(self) -> None:
        """Nothing: checks write no file as they run."""


# --- targets -------------------------------------------------------------------------------------------------------


async def open_checks(job: CheckJob, stack: AsyncExitStack) -> OpenChecks:
    """Open the targets, none of which is connected to yet, and the throttle.

    Raises:
        UsageError: a URL cannot be used; more snapshots are wanted than connections can be open.
    """
    request, now = job.request, datetime.now(UTC)
    every = request.run.on((*request.run.targets.selected, *request.other_targets.values()))
    databases = open_targets.open_all(every, f"bulkq/{job.run}", job.say)
    for database in databases:
        stack.push_async_callback(database.sessions.close)
    at = {place: database for database in databases for place in database.places}
    labels = open_targets.labels(every, databases)
    selected = request.run.targets.selected
    opened = OpenChecks(
        job=job,
        request=request,
        stack=stack,
        databases=databases,
        targets=[CheckTarget(at[place], target, labels[place]) for place, target in enumerate(selected)],
        others={name: at[place] for place, name in enumerate(request.other_targets, len(selected))},
        progress=_progress(job),
        book=Book(started_s=time.monotonic(), today=now.date()),
        started_at=now.isoformat(timespec="milliseconds"),
        observers=job.observers,
        ends_s=_watch_the_clock(job, stack),
        throttle=await open_throttle(request.run.limits.throttle, stack),
    )
    if opened.holders >= MOST_OPEN:
        raise UsageError(
            f"--snapshot keeps a connection open on each of {len(databases)} targets, and {MOST_OPEN - 1} are possible: "
            "select fewer targets, or leave it out"
        )
    return opened


def _progress(job: CheckJob) -> Progress:
    run = job.request.run
    name = run.queries.name or f"{len(run.queries.selected)} checks"
    return Progress(run=job.run, name=name, concurrency=run.limits.concurrency)


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


# --- checks into parts ---------------------------------------------------------------------------------------------


async def plan(opened: OpenChecks, history: CheckHistory | None) -> list[PlannedCheck]:
    """Every check on every target, in the order of the report; those that cannot begin have the reason.

    Raises:
        ParameterError: a parameter file cannot be read, or does not fit.
    """
    queries = opened.request.run.queries.selected
    keys = {query.place: key_of(query) for query in queries}
    past = await history.before(list(keys.values())) if history is not None else None
    found: list[PlannedCheck] = []
    for query in queries:
        for seat in opened.targets:
            known = None if past is None else past.get((keys[query.place], seat.label), {})
            place = CheckPlace(
                len(found),
                keys[query.place],
                query.within(seat.target),
                rules_of(query),
                seat.label,
                known,
                opened.request.most_rows,
            )
            planned = PlannedCheck(place, CheckJudge(place, opened.book, Digest()))
            found.append(planned)
            await _add_parts(opened, planned, seat.database)
            if not opened.keeps:
                for part in planned.parts:
                    await part.sessions.close()
    return found


async def _add_parts(opened: OpenChecks, planned: PlannedCheck, target: OpenTarget) -> None:
    place = planned.place
    query = place.query
    if query.statement is StatementClass.SESSION:
        planned.error = f"{query.verb} controls the session or its transaction, which bulkq manages: it was not sent"
    elif target.lost is not None:
        planned.cannot_begin(target)
    else:
        same = next((c for c in place.rules.expect if c.measure is Measure.SAME), None)
        other = _other_target(opened, target, same) if same is not None else None
        if other is not None and other.lost is not None:
            planned.cannot_begin(other, f"{other.label}: ")
            return
        if same is not None and other is not None and _is_itself(opened, place, target, other):
            planned.error = itself(same)
            return
        part = await _part(opened, planned, query, target)
        if part is None:
            return
        part.judge = planned.judge
        planned.parts.append(part)
        if other is not None:
            await _add_reference(opened, planned, target, other)


def _other_target(opened: OpenChecks, target: OpenTarget, same: Condition) -> OpenTarget:
    return opened.others[same.target] if same.target else target


def _is_itself(opened: OpenChecks, place: CheckPlace, target: OpenTarget, other: OpenTarget) -> bool:
    """Whether a check would be compared with its own rows; a schema of a database is not the whole of it."""
    reference = opened.request.references[place.query.place]
    if reference.place != place.query.place or reference.sql != place.query.sql:
        return False
    alike = target.physical != "" and target.physical == other.physical and place.query.schema is None
    return other is target or alike


def itself(same: Condition) -> str:
    """Why nothing is learned from a comparison."""
    return f"{same.text}: that is the check itself on the database that it runs on: name another query, or another database"


async def _add_reference(
    opened: OpenChecks,
    planned: PlannedCheck,
    target: OpenTarget,
    other: OpenTarget,
) -> None:
    """The query that a check is compared with runs beside it, as a part that counts nothing itself."""
    query = opened.request.references[planned.place.query.place]
    if planned.place.query.schema is not None and other is target:
        query = replace(query, schema=planned.place.query.schema, behind=planned.place.query.behind)
    words = query.name if other is target else f"{query.name} on {other.label}"
    pair = Pair(planned.judge, words, once=not query.parameters)
    planned.judge.pair = pair
    part = await _part(opened, planned, query, other)
    if part is not None:
        part.judge = Reference(pair, planned.place)
        planned.parts.append(part)
        opened.stack.callback(pair.discard)


async def _part(
    opened: OpenChecks,
    planned: PlannedCheck,
    query: Query,
    target: OpenTarget,
) -> PartState | None:
    """A part of the run; None where its parameter sets cannot be had from the target, which is the check's error."""
    query = as_sent(query)
    wanted = wanted_sets(opened.request, planned.place.query, query, opened.job.console.stdin)
    asks = any(spec.startswith(QUERIED) for spec in wanted.specs)
    try:
        source = await _source(opened, wanted, query, target)
        opened.stack.push_async_callback(source.close)
        part = PartState(_spec(opened, query, target, source), source, NoSink(), target.sessions, BatchSize(1))
        part.big = True  # every answer streams: memory does not grow with the rows of a check that fails badly
        if query.parameters and not asks:
            await _look_at_values(opened, part, wanted, target)
        for text in await untyped_warnings(query, source, target.driver.capabilities, target.sessions):
            opened.warn_once(text)
    except (DatabaseError, TargetError) as error:
        planned.error = str(error)
        return None
    except ParameterError as error:
        if not asks:
            raise
        planned.error = str(error)
        return None
    return part


async def _look_at_values(opened: OpenChecks, part: PartState, wanted: Request, target: OpenTarget) -> None:
    can = target.driver.capabilities
    head = await first_sets(wanted, part.spec.query, part.source, can)
    if head is not None and can.text_parameters and not part.source.typed:
        await values_fit(part.spec, head, target.sessions, opened.asked)


def as_sent(query: Query) -> Query:
    """`query` as a check runs it: only inside a transaction can the server keep a statement from writing."""
    return replace(query, transaction=True, mode=None)


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
    every = (*run.queries.selected, *request.references.values()) if run.sources.specs else ()
    return replace(
        source_request(run),
        specs=specs(run, check, query),
        stdin=stdin,
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


async def _source(opened: OpenChecks, wanted: Request, query: Query, target: OpenTarget) -> ParameterSource:
    run = opened.request.run
    rows = rows_of(run.sources.target or target.definition, run, twice=opened.asking > MOST_ASKING)
    can = target.driver.capabilities
    text, dynamic = can.text_parameters, can.dynamic_types
    try:
        source = await open_source(wanted, query, text=text, dynamic=dynamic, rows=rows, unused_constants_ok=True)
    except ParameterError as error:
        if opened.request.run.sources.specs or not wanted.specs or query.file is None:
            raise
        raise ParameterError(f"{query.file}:{query.line}: @params of {query.name}: {error}") from error
    return source if source.replayable or "-" not in wanted.specs else PeekableSource(source)


def _spec(opened: OpenChecks, query: Query, target: OpenTarget, source: ParameterSource) -> PartSpec:
    run = opened.request.run
    own = effective(run.limits, query)
    return PartSpec(
        query=replace(query, lock_timeout_s=own.lock_timeout_s),  # for its description too
        target=target.label,
        decoding=Decoding.TEXT,
        typed=source.typed,
        limits=Limits(own.timeout_s, own.lock_timeout_s, read_only=True, snapshot=target.snapshot),
        retries=own.retries,
    )


def key_of(query: Query) -> str:
    """What a check is called in every run, from whatever folder of the project it is started; of `-e` by its text."""
    if query.file is None:
        return f"{query.name}#{blake2b(query.sql.encode(), digest_size=6).hexdigest()}"
    return f"{in_project(query.file)}:{query.name}"


def in_project(file: str) -> str:
    """`file` as it is called from the root of its project; outside of one as it was written."""
    whole = Path(os.path.abspath(file))  # noqa: PTH100 - a link is another check than what it leads to
    root = next((folder for folder in whole.parents if any((folder / mark).exists() for mark in ROOTS)), None)
    return whole.relative_to(root).as_posix() if root is not None else Path(os.path.normpath(file)).as_posix()

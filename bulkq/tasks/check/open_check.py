"""Open the targets and checks of `bulkq check`: each check on each target is a part of the run."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.engine.part_state import PartState
from bulkq.engine.pool import MOST_OPEN
from bulkq.errors import DatabaseError, ParameterError, TargetError
from bulkq.lifecycle.job import new_run_id
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AsyncExitStack
    from typing import BinaryIO

    from bulkq.engine.pool import ConnectionPool
    from bulkq.ledger.checks import CheckHistory
    from bulkq.model import Server
    from bulkq.model.check_conditions import Condition
    from bulkq.protocols import Driver, Observer, ParameterSource
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


@dataclass(slots=True)
class CheckDatabase:
    """One target of the run: its connections, or why there are none."""

    target: Target
    name: str
    driver: Driver | None = None
    sessions: ConnectionPool | None = None
    server: Server | None = None
    error: str = ""
    refused: bool = False  # it is not the database that it should be
    physical: str = ""  # which one it is, whatever way leads there; only asked where there are several
    late: bool = False  # the run's deadline passed before it had answered
    snapshot: str | None = None


@frozen
class CheckTarget:
    """A target as the results name it: a database, or one schema of it."""

    database: CheckDatabase
    target: Target

    @property
    def label(self) -> str:
        """`name`, or `name/schema`."""
        schema = self.target.schema
        return f"{self.database.name}/{schema}" if schema else self.database.name


@dataclass(slots=True)
class PlannedCheck:
    """One check on one target: a part of the run, or the reason why it cannot be one."""

    place: CheckPlace
    judge: CheckJudge
    parts: list[PartState] = field(default_factory=list)  # the check's own first
    error: str = ""
    late: bool = False  # the error is the run's end, not the check's


@dataclass(slots=True)
class OpenChecks:
    """Everything that a run of checks holds open."""

    request: CheckRequest
    run: str
    targets: list[CheckTarget]
    others: dict[str, CheckDatabase]
    progress: Progress
    book: Book
    started_at: str
    say: list[Observer]
    planned: list[PlannedCheck] = field(default_factory=list)
    asked: set[tuple[object, ...]] = field(default_factory=set)  # see `values_fit`
    warned: set[str] = field(default_factory=set)
    ends_s: float | None = None  # the run's deadline, on the monotonic clock

    @property
    def databases(self) -> list[CheckDatabase]:
        """Every target once, also those of `same as NAME on TARGET`."""
        every = (*(seat.database for seat in self.targets), *self.others.values())
        return list({id(database): database for database in every}.values())

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
        return bool(self.others) or len({id(seat.database) for seat in self.targets}) > 1

    def notice(self, text: str) -> None:
        """A line for people."""
        for observer in self.say:
            observer.notice(text)

    def warn_once(self, text: str) -> None:
        """Notice a text, unless another check has led to the same."""
        if text not in self.warned:
            self.warned.add(text)
            self.notice(text)


# --- targets -------------------------------------------------------------------------------------------------------


def open_checks(request: CheckRequest, observers: Sequence[Observer]) -> OpenChecks:
    """What a run of checks knows before it has looked at a database."""
    now = datetime.now(UTC)
    run = new_run_id()
    name = request.run.queries.name or f"{len(request.run.queries.selected)} checks"
    known: dict[str, CheckDatabase] = {}

    def opened(target: Target) -> CheckDatabase:
        return known.setdefault(target.name or target.url, CheckDatabase(target, target.name or target.url))

    return OpenChecks(
        request=request,
        run=run,
        targets=[CheckTarget(opened(target.bare), target) for target in request.run.targets.selected],
        others={name: opened(target) for name, target in request.other_targets.items()},
        progress=Progress(run=run, name=name, concurrency=request.run.limits.concurrency),
        book=Book(started_s=time.monotonic(), today=now.date()),
        started_at=now.isoformat(timespec="milliseconds"),
        say=list(observers),
    )


# --- checks into parts ---------------------------------------------------------------------------------------------


async def plan(opened: OpenChecks, history: CheckHistory | None, stack: AsyncExitStack, stdin: BinaryIO | None) -> None:
    """Every check on every target, in the order of the report; those that cannot begin have the reason.

    Raises:
        ParameterError: a parameter file cannot be read, or does not fit.
    """
    queries = opened.request.run.queries.selected
    keys = {query.place: key_of(query) for query in queries}
    past = await history.before(list(keys.values())) if history is not None else None
    order = 0
    for query in queries:
        for seat in opened.targets:
            known = None if past is None else past.get((keys[query.place], seat.label), {})
            place = CheckPlace(
                order,
                keys[query.place],
                query.within(seat.target),
                rules_of(query),
                seat.label,
                known,
                opened.request.most_rows,
            )
            order += 1
            planned = PlannedCheck(place, CheckJudge(place, opened.book, Digest()))
            opened.planned.append(planned)
            await _add_parts(opened, planned, seat.database, stack, stdin)
            if not opened.keeps:
                for part in planned.parts:
                    await part.sessions.close()


async def _add_parts(
    opened: OpenChecks, planned: PlannedCheck, target: CheckDatabase, stack: AsyncExitStack, stdin: BinaryIO | None
) -> None:
    place = planned.place
    query = place.query
    if query.statement is StatementClass.SESSION:
        planned.error = f"{query.verb} controls the session or its transaction, which bulkq manages: it was not sent"
    elif target.error:
        planned.error, planned.late = target.error, target.late
    else:
        same = next((c for c in place.rules.expect if c.measure is Measure.SAME), None)
        other = _other_target(opened, target, same) if same is not None else None
        if other is not None and other.error:
            planned.error, planned.late = f"{other.name}: {other.error}", other.late
            return
        if same is not None and other is not None and _is_itself(opened, place, target, other):
            planned.error = itself(same)
            return
        part = await _part(opened, planned, query, target, stack, stdin)
        if part is None:
            return
        part.judge = planned.judge
        planned.parts.append(part)
        if other is not None:
            await _add_reference(opened, planned, target, other, stack, stdin)


def _other_target(opened: OpenChecks, target: CheckDatabase, same: Condition) -> CheckDatabase:
    return opened.others[same.target] if same.target else target


def _is_itself(opened: OpenChecks, place: CheckPlace, target: CheckDatabase, other: CheckDatabase) -> bool:
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
    target: CheckDatabase,
    other: CheckDatabase,
    stack: AsyncExitStack,
    stdin: BinaryIO | None,
) -> None:
    """The query that a check is compared with runs beside it, as a part that counts nothing itself."""
    query = opened.request.references[planned.place.query.place]
    if planned.place.query.schema is not None and other is target:
        query = replace(query, schema=planned.place.query.schema, behind=planned.place.query.behind)
    words = query.name if other is target else f"{query.name} on {other.name}"
    pair = Pair(planned.judge, words, once=not query.parameters)
    planned.judge.pair = pair
    part = await _part(opened, planned, query, other, stack, stdin)
    if part is not None:
        part.judge = Reference(pair, planned.place)
        planned.parts.append(part)
        stack.callback(pair.discard)


async def _part(
    opened: OpenChecks,
    planned: PlannedCheck,
    query: Query,
    target: CheckDatabase,
    stack: AsyncExitStack,
    stdin: BinaryIO | None,
) -> PartState | None:
    """A part of the run; None where its parameter sets cannot be had from the target, which is the check's error."""
    assert target.driver is not None
    assert target.sessions is not None
    query = as_sent(query)
    wanted = wanted_sets(opened.request, planned.place.query, query, stdin)
    asks = any(spec.startswith(QUERIED) for spec in wanted.specs)
    try:
        source = await _source(opened, wanted, query, target)
        stack.push_async_callback(source.close)
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


async def _look_at_values(opened: OpenChecks, part: PartState, wanted: Request, target: CheckDatabase) -> None:
    assert target.driver is not None
    can = target.driver.capabilities
    head = await first_sets(wanted, part.spec.query, part.source, can)
    if head is not None and can.text_parameters and not part.source.typed:
        assert target.sessions is not None
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


async def _source(opened: OpenChecks, wanted: Request, query: Query, target: CheckDatabase) -> ParameterSource:
    assert target.driver is not None
    run = opened.request.run
    rows = rows_of(run.sources.target or target.target, run, twice=opened.asking > MOST_ASKING)
    can = target.driver.capabilities
    text, dynamic = can.text_parameters, can.dynamic_types
    try:
        source = await open_source(wanted, query, text=text, dynamic=dynamic, rows=rows, unused_constants_ok=True)
    except ParameterError as error:
        if opened.request.run.sources.specs or not wanted.specs or query.file is None:
            raise
        raise ParameterError(f"{query.file}:{query.line}: @params of {query.name}: {error}") from error
    return source if source.replayable or "-" not in wanted.specs else PeekableSource(source)


def _spec(opened: OpenChecks, query: Query, target: CheckDatabase, source: ParameterSource) -> PartSpec:
    run = opened.request.run
    own = effective(run.limits, query)
    return PartSpec(
        query=replace(query, lock_timeout_s=own.lock_timeout_s),  # for its description too
        target=target.name,
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

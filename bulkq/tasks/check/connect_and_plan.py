"""Before the first check: connect to each target once, and make parts of the checks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import field, replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.engine.part_state import PartState
from bulkq.engine.pool import MOST_OPEN
from bulkq.errors import DatabaseError, ParameterError, RefusedError, StoppedError, TargetError, UsageError
from bulkq.ledger import find_check_history
from bulkq.lifecycle import open_targets
from bulkq.lifecycle.check_requirements import find_skipped
from bulkq.lifecycle.database_identity import identify, twins
from bulkq.lifecycle.hidden_rows import STRICT, find_hidden_rows
from bulkq.lifecycle.names_as_texts import find_over_pool
from bulkq.model import Decoding, Limits, PartSpec, PlaceholderKind, Query, StatementClass
from bulkq.model.check_conditions import Measure
from bulkq.model.frozen_dataclass import frozen, mutable
from bulkq.policy.batch_size import BatchSize
from bulkq.policy.query_limits import choose_limits
from bulkq.protocols import SnapshotConnection
from bulkq.query import read_identifiers
from bulkq.query import read_rules as rules_of
from bulkq.sinks.discard_rows import NoSink
from bulkq.sources import open_source_for
from bulkq.sources.peekable_source import PeekableSource
from bulkq.targets.bounded_concurrency import gather_concurrently
from bulkq.targets.parameter_rows_from_query import rows_of
from bulkq.tasks.check.check_parameter_values import (
    SIDE_BY_SIDE,
    ValueQuestion,
    first_sets,
    untyped_warnings,
)
from bulkq.tasks.check.evaluate import CheckJudge, Digest, Pair, Reference
from bulkq.tasks.check.open_check import QUERIED, in_project, specs, wanted_sets
from bulkq.tasks.check.result_book import CheckPlace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AsyncExitStack

    from bulkq.ledger.check_results import CheckHistory
    from bulkq.ledger.sqlite3_check_history import DirectCheckHistory
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import Target
    from bulkq.model.check_conditions import Condition
    from bulkq.protocols import Connection, ParameterSource
    from bulkq.query import LintFinding
    from bulkq.sources import Request
    from bulkq.tasks.check.open_check import OpenChecks


@mutable
class PlannedCheck:
    """One check on one target: a part of the run, or the reason why it cannot be one."""

    place: CheckPlace
    judge: CheckJudge
    parts: list[PartState] = field(default_factory=list)  # the check's own first
    error: str = ""
    skipped: str = ""  # what it requires, and the target does not have
    late: bool = False  # the error is the run's end, not the check's

    def cannot_begin(self, target: OpenTarget, words: str = "") -> None:
        """Take the reason why `target` is lost, behind `words`, for an error."""
        self.error, self.late = f"{words}{target.lost}", isinstance(target.lost, StoppedError)


@frozen
class LookedChecks:
    """Checks whose targets were looked at.

    Attributes:
        opened: what they hold open.
        planned: every check on every target, in the order of the report.
        history: of earlier runs; None if nothing is recorded.
        refused: a target is not the database that it should be.
    """

    opened: OpenChecks
    planned: Sequence[PlannedCheck]
    history: CheckHistory | DirectCheckHistory | None
    refused: bool


async def look_first(opened: OpenChecks) -> LookedChecks:
    """Connect to all targets, and make parts of the checks.

    Raises:
        ParameterError: a parameter file cannot be read, or does not fit.
        LedgerError: the ledger cannot be opened.
    """
    await _connect(opened)
    refused = any(isinstance(one.database.lost, RefusedError) for one in opened.targets)
    history = find_check_history(await opened.job.ledger)
    return LookedChecks(opened, await _plan(opened, history), history, refused)


# --- targets -------------------------------------------------------------------------------------------------------


async def _connect(opened: OpenChecks) -> None:
    """Look at every target once, side by side. If one is not there, that is an error of its checks and of nothing else."""
    every = opened.databases
    await open_targets.side_by_side(every, partial(_look_at, opened), all_may_fail=True, reserved=opened.holders)
    if opened.request.snapshot:
        holders = [target for target in every if target.lost is None]
        await gather_concurrently(holders, partial(_export, opened.stack), at_once=MOST_OPEN)
    if not opened.compares:
        return
    for line in twins((one.label, one.database.physical, one.target.schema) for one in opened.targets):
        opened.job.say(f"{line}: its checks come once for each name")


async def _look_at(opened: OpenChecks, target: OpenTarget) -> None:
    limits = opened.request.run.limits
    left_s = None if opened.ends_s is None else opened.ends_s - time.monotonic()
    try:
        async with asyncio.timeout(left_s):
            await open_targets.visit(
                target,
                partial(_recognize, opened),
                connect_timeout_s=limits.connect_timeout_s,
                silent=" did not answer",
            )
    except TimeoutError:
        target.lose(StoppedError(f"{target.label} did not answer within the deadline of {limits.deadline_s:g}s"))


async def _recognize(opened: OpenChecks, target: OpenTarget, connection: Connection) -> None:
    """Find out which database this is, where two may be one."""
    if opened.compares:
        target.identity, target.physical = await identify(connection, target.definition.url)
    target.server = connection.server
    selected = opened.request.run.queries.selected
    target.skips = await find_skipped(connection, selected)
    await _tell_hidden(opened, target, connection)
    for check in selected:
        if check.place in opened.request.references:
            several = opened.request.compared_with(check)
            reasons = await find_skipped(connection, several)
            one = next((query for query, reason in zip(several, reasons, strict=True) if reason == ""), None)
            why = next(filter(None, reasons), "")
            opened.chosen[target.label, check.place, check.line] = why if one is None else one


async def _tell_hidden(opened: OpenChecks, target: OpenTarget, connection: Connection) -> None:
    """Say, once for each table, that checks do not see rows which row level security hides from the role."""
    dialect = dialect_of(target.definition.url)
    if not dialect_for(dialect).libpq:  # no other database has policies that a session can do without
        return
    for told in await find_hidden_rows(connection, opened.request.every, dialect):
        opened.warn_once(f"{target.label}: {told}: checks see only the rows that its policies show: {STRICT}")


async def _export(stack: AsyncExitStack, target: OpenTarget) -> None:
    """One transaction that stays open to the end: the others see what it sees."""
    connection = await target.driver.connect()
    stack.push_async_callback(connection.close)
    holder = exporter(connection, target.label)
    try:
        target.snapshot = await holder.export_snapshot()
    except DatabaseError as error:
        target.lose(TargetError(f"no snapshot: {error}"))


def exporter(connection: Connection, name: str) -> SnapshotConnection:
    """`connection`, where others can see what it sees.

    Raises:
        UsageError: its database shares no snapshots.
        RefusedError: it goes through a pooler.
    """
    if not isinstance(connection, SnapshotConnection):
        raise UsageError(f"--snapshot: {name} cannot share a snapshot: it needs postgresql://, leave it out")
    if connection.server.pooled:
        raise RefusedError(
            f"--snapshot: {name} is reached through a pooler, where a snapshot is not kept: connect to the server itself"
        )
    return connection


# --- checks into parts ---------------------------------------------------------------------------------------------


async def _plan(opened: OpenChecks, history: CheckHistory | DirectCheckHistory | None) -> list[PlannedCheck]:
    """Every check on every target, in the order of the report; those that cannot begin have the reason.

    Raises:
        ParameterError: a parameter file cannot be read, or does not fit.
    """
    queries = opened.request.run.queries.selected
    roots: dict[str, str | None] = {}
    keys = {query.place: key_of(query, roots) for query in queries}
    past = await history.before(list(keys.values())) if history is not None else None
    found: list[PlannedCheck] = []
    for number, query in enumerate(queries):
        for seat in opened.targets:
            skipped = seat.database.skips[number] if seat.database.skips else ""
            if skipped is None:
                continue
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
            planned = PlannedCheck(place, CheckJudge(place, opened.book, Digest()), skipped=skipped)
            found.append(planned)
            if skipped:
                continue
            await _add_parts(opened, planned, seat.database)
            if not opened.keeps:
                await _ask_about_values(opened)
                for part in planned.parts:
                    await part.sessions.close()
    await _ask_about_values(opened)
    return found


async def _ask_about_values(opened: OpenChecks) -> None:
    """Ask the questions that were noted; sessions beside the first are those of lanes that begin later.

    Raises:
        ParameterError: a target does not take a value.
    """
    questions, opened.questions[:] = [*opened.questions], []
    limits = opened.request.run.limits
    sessions = 1 if limits.executor is not None else min(SIDE_BY_SIDE, limits.concurrency or 1)
    await opened.values.ask(questions, sessions=sessions)


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
        if same is not None and other is not None and (wrong := _cannot_compare(opened, place, same, target, other)):
            planned.error = wrong
            return
        part = await _part(opened, planned, query, target, _asked(planned, target))
        if part is None:
            return
        part.judge = planned.judge
        planned.parts.append(part)
        if other is not None:
            await _add_reference(opened, planned, target, other)


def _other_target(opened: OpenChecks, target: OpenTarget, same: Condition) -> OpenTarget:
    return opened.others[same.target] if same.target else target


def _cannot_compare(
    opened: OpenChecks, place: CheckPlace, same: Condition, target: OpenTarget, other: OpenTarget
) -> str:
    """Why a check cannot be compared with what `same` names on `other`; "" if it can."""
    reference = opened.chosen[other.label, place.query.place, place.query.line]
    if isinstance(reference, str):
        return f"{same.text}: {reference}"
    return itself(same) if _is_itself(reference, place, target, other) else ""


def _is_itself(reference: Query, place: CheckPlace, target: OpenTarget, other: OpenTarget) -> bool:
    """Whether a check would be compared with its own rows; a schema of a database is not the whole of it."""
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
    query = opened.chosen[other.label, planned.place.query.place, planned.place.query.line]
    assert isinstance(query, Query), "refused before, see `_cannot_compare`"
    if planned.place.query.schema is not None and other is target:
        query = replace(query, schema=planned.place.query.schema, behind=planned.place.query.behind)
    words = query.name if other is target else f"{query.name} on {other.label}"
    asks = any(spec.startswith(QUERIED) for spec in specs(opened.request.run, planned.place.query, query))
    pair = Pair(planned.judge, words, query, asked_twice=asks)
    planned.judge.pair = pair
    part = await _part(opened, planned, query, other, _asked(planned, target))
    if part is not None:
        part.judge = Reference(pair, planned.place)
        planned.parts.append(part)
        opened.stack.callback(pair.discard)


async def _part(
    opened: OpenChecks,
    planned: PlannedCheck,
    query: Query,
    target: OpenTarget,
    asked: Target,
) -> PartState | None:
    """A part of the run; None where its parameter sets cannot be had, which is the check's error.

    Args:
        opened: what the run holds open.
        planned: the check.
        query: the check, or the query that it is compared with.
        target: where `query` runs.
        asked: where the check runs, from which the parameter sets of both come.
    """
    query = as_sent(query)
    wanted = wanted_sets(opened.request, planned.place.query, query, opened.job.console.stdin)
    asks = any(spec.startswith(QUERIED) for spec in wanted.specs)
    try:
        source = await _source(opened, wanted, query, target, asked)
        opened.stack.push_async_callback(source.close)
        part = PartState(_spec(opened, query, target, source), source, NoSink(), target.sessions, BatchSize(1))
        part.big = True  # every answer streams: memory does not grow with the rows of a check that fails badly
        if query.parameters and not asks:
            await _note_values(opened, part, wanted, target)
        if wrong := await _name_as_text(query, source, None if asks else wanted, target):
            planned.error = f"{wrong.message} ({wrong.file}:{wrong.line})"
            return None
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


def _asked(planned: PlannedCheck, target: OpenTarget) -> Target:
    """What the queries of parameter sets are asked of: the database or schema that the check is for."""
    query = planned.place.query
    return replace(target.definition, schema=query.schema, behind=query.behind)


async def _note_values(opened: OpenChecks, part: PartState, wanted: Request, target: OpenTarget) -> None:
    """Note that the target has to be asked about the first values of a part. If it does not convert them, read them now."""
    can = target.driver.capabilities
    if can.text_parameters and not part.source.typed:
        opened.questions.append(ValueQuestion(len(opened.questions), part, wanted))
    else:
        await first_sets(wanted, part.spec.query, part.source, can)


async def _name_as_text(
    query: Query, source: ParameterSource, wanted: Request | None, target: OpenTarget
) -> LintFinding | None:
    """A name in `query` that the target takes for a text. If `wanted` is None, what `:{name}` stands for is not known here."""
    can = target.driver.capabilities
    if '"' not in query.sql or not can.dynamic_types:
        return None
    identifiers: dict[str, str] = {}
    if any(parameter.kind is PlaceholderKind.IDENTIFIER for parameter in query.parameters):
        head = None if wanted is None else await first_sets(wanted, query, source, can)
        if head is None:
            return None
        try:
            identifiers = read_identifiers(query, head.sets[0])
        except DatabaseError:
            return None  # the run reports it
    return await find_over_pool(target.sessions, query, identifiers)


async def _source(
    opened: OpenChecks, wanted: Request, query: Query, target: OpenTarget, asked: Target
) -> ParameterSource:
    run = opened.request.run
    rows = rows_of(run.sources.target or asked, run, twice=opened.asks_twice, in_schema=True)
    can = target.driver.capabilities
    try:
        source = await open_source_for(can, wanted, query, rows=rows, unused_constants_ok=True)
    except ParameterError as error:
        if opened.request.run.sources.specs or not wanted.specs or query.file is None:
            raise
        raise ParameterError(f"{query.file}:{query.line}: @params of {query.name}: {error}") from error
    return source if source.replayable or "-" not in wanted.specs else PeekableSource(source)


def _spec(opened: OpenChecks, query: Query, target: OpenTarget, source: ParameterSource) -> PartSpec:
    run = opened.request.run
    own = choose_limits(run.limits, query)
    return PartSpec(
        query=replace(query, lock_timeout_s=own.lock_timeout_s),  # for its description too
        target=target.label,
        decoding=Decoding.TEXT,
        typed=source.typed,
        limits=Limits(
            own.timeout_s,
            own.lock_timeout_s,
            read_only=True,
            followed=True,
            whole_floats=True,
            snapshot=target.snapshot,
        ),
        retries=own.retries,
    )


def as_sent(query: Query) -> Query:
    """`query` as a check runs it: only inside a transaction can the server keep a statement from writing."""
    if query.transaction and query.mode is None:
        return query
    return replace(query, transaction=True, mode=None)


def key_of(query: Query, roots: dict[str, str | None] | None = None) -> str:
    """What a check is called in every run, from whatever folder of the project it is started; of `-e` by its text."""
    if query.file is None:
        return f"{query.name}#{blake2b(query.sql.encode(), digest_size=6).hexdigest()}"
    return f"{in_project(query.file, roots)}:{query.name}"

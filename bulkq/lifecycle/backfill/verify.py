"""Verify a backfill when its last range is done: what is left that it should have changed."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for, key_ranges
from bulkq.dialects.sqlstates import MISTAKES, NO_RIGHT
from bulkq.drivers import dialect_of
from bulkq.errors import BulkqError, DatabaseError, QueryFileError, RefusedError, UsageError
from bulkq.lifecycle.ask_target import ask_target
from bulkq.lifecycle.backfill.describe_table import TableChanges, changes_since
from bulkq.lifecycle.backfill.undo import finish_undo
from bulkq.lifecycle.finish import finish
from bulkq.model import Decoding, Limits, StatementClass
from bulkq.model.counts import UNCOUNTED
from bulkq.model.key_range import RangeForm
from bulkq.model.run_event import EventKind
from bulkq.policy.safety import REWRITTEN
from bulkq.query import inline
from bulkq.query.backfill_statement import build_count, tells_what_is_left
from bulkq.query.range_placeholder import expand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure, ParameterSet, Query, Reply, RunSummary
    from bulkq.model.key_range import Position, TableKey
    from bulkq.protocols import Connection

_MISTAKES = frozenset({"42", "22"})
"""Classes of SQLSTATE: a syntax error or an unknown name, and a value that is not one of its type."""

UNHURRIED = Limits(timeout_s=None, lock_timeout_s=10.0)
"""A count of hundreds of millions of rows takes its time; nothing waits for it."""

LOOK = (
    "look at its rows, and change those that are left in a run of their own; "
    "if they are as they should be, bulkq resume with --allow rewritten ends the run"
)


async def try_verification(text: str | None, connection: Connection, dialect: str) -> None:
    """Prepare the query of `--verify`, so that a mistake in it is found before the first range.

    Raises:
        UsageError: it is not one query without placeholders that only reads, or the database finds a mistake in it.
        RefusedError: the database refuses it for another reason.
    """
    if text is None:
        return
    try:
        query = inline(text, dialect)
    except QueryFileError as error:
        raise UsageError(f"--verify: {str(error).replace('-e:', 'line ')}") from error
    if query.statement is not StatementClass.READ:
        raise UsageError(f"--verify: {query.verb or 'the statement'} is not a query: write SELECT ...")
    if query.parameters:
        name = query.parameters[0].name
        raise UsageError(f'--verify: ":{name}" would have no value: the query is executed once, without parameters')
    try:
        await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
    except DatabaseError as error:
        if error.connection_lost:
            raise
        raise refusal("--verify", error) from error


def refusal(place: str, error: DatabaseError) -> BulkqError:
    """What to raise if the database does not prepare a statement of the user: UsageError for a mistake in its text."""
    state = error.sqlstate or ""
    mistaken = state[:2] in _MISTAKES or state in MISTAKES
    kind = UsageError if mistaken and state != NO_RIGHT else RefusedError
    return kind(f"{place}: {error}")


async def verify_and_finish(recorded: RecordedRun, failures: Sequence[Failure]) -> RunSummary:
    """Verify a backfill that has done every range, and close it."""
    opened = recorded.opened
    rows = opened.progress.row_progress
    if rows is not None and all(part.exhausted for part in opened.parts):
        rows.finish()
    if opened.request.backfill is not None and opened.request.backfill.undo_of:
        return await finish_undo(recorded, failures)
    _tell_idle(opened)
    ended = not opened.job.control.exit_code and not opened.progress.counts.failed
    left = "; ".join(await _left(opened)) if ended and not opened.progress.counts.unknown else ""
    if opened.job.control.cancelled:
        left = ""  # the verification was cancelled, too: a resume makes it
    if left:
        recorded.ledger.record_event(EventKind.INCOMPLETE, left, data={"advice": _advice(opened)})
    return await finish(recorded, failures, left=left)


def _advice(opened: OpenRun) -> str:
    """The next step after a verification that has found something; the one that does least harm if targets differ."""
    found = {made.advice for made in opened.backfills.values()}
    return "new" if "new" in found else "verify" if "verify" in found else "again"


def _tell_idle(opened: OpenRun) -> None:
    """Say how many parameter sets of a function have changed no row."""
    for part in opened.parts:
        made = part.transform
        if made is not None and made.idle:
            opened.say(
                f"{part.spec.target}: at least {made.idle} of {made.sets} parameter sets of the function changed no row: "
                f"compare the WHERE of {part.spec.query.place} with what the function gives"
            )


async def _left(opened: OpenRun) -> list[str]:
    """What is left on each target, a text for each on which something is."""
    found: list[str] = []
    for target in opened.targets:
        for part in target.parts:
            made = opened.backfills.get(part.spec.number)
            if target.lost is None and made is not None and made.end is not None:
                text = await _verify(opened, target, part, made)
                found += [f"{target.label}: {text}" if opened.several else text] if text else []
    return found


async def _verify(opened: OpenRun, target: OpenTarget, part: PartState, made: TableBackfill) -> str:
    """What is left of one table, also because something happened to it while the run worked; "" if nothing is."""
    try:
        since = await _changes(opened, target, part, made)
    except BulkqError as error:
        made.advice = "verify"
        return f"the table cannot be {'found' if isinstance(error, UsageError) else 'looked at'}: {error}"
    text = since.told(made.facts.key.table)
    if text:
        made.advice = "new"
        return text
    if REWRITTEN not in opened.request.safety.allow:
        made.note(since)
    for event in made.events:
        back = any(
            one.kind == "came" and one.told.startswith(f"{event.told.partition(' was ')[0]} was") for one in made.events
        )
        if event.kind == "left" and not back:
            opened.say(f"{made.facts.key.table}: {event.told}")
    return await _left_in(opened, target, part, made, since.triggers)


async def _changes(opened: OpenRun, target: OpenTarget, part: PartState, made: TableBackfill) -> TableChanges:
    """What happened to a table since the run began, also before it was resumed."""
    options, place, facts = opened.request.backfill, part.spec.number - 1, made.facts
    assert options is not None
    if place < len(options.acting):
        facts = replace(facts, acting=tuple(json.loads(options.acting[place])))
    question = partial(changes_since, dialect=dialect_of(target.definition.url), over=options.over, facts=facts)
    return await ask_target(target.sessions, opened.job.control, question)


def _unchanged(opened: OpenRun, part: PartState, made: TableBackfill, came: Sequence[str]) -> str:
    """Say that `--set` for all rows has changed fewer than its ranges had. It is left undone if triggers `came` meanwhile."""
    options, table, changed = opened.request.backfill, made.facts.key.table, part.counts.changed
    rows = opened.sources.ranges[part.spec.number].rows  # as `changed`, without those of earlier processes
    assert options is not None
    if not options.assignments or not UNCOUNTED < changed < rows:
        return ""
    if came:
        return f"{changed} of {rows} rows of {table} were changed, and {', '.join(came)} came since the run began: give --verify QUERY"
    opened.say(
        f"{table}: {changed} of {rows} rows were changed: a trigger or a rule kept the others as they were, or other sessions deleted "
        "them: give --verify QUERY"
    )
    return ""


async def _left_in(
    opened: OpenRun, target: OpenTarget, part: PartState, made: TableBackfill, came: Sequence[str]
) -> str:
    """What is left of one table, for which triggers `came` meanwhile; "" if nothing is, or if nothing says what should be."""
    options = opened.request.backfill
    assert options is not None
    assert made.end is not None
    dialect, table = dialect_of(target.definition.url), made.facts.key.table
    told = not options.assignments or tells_what_is_left(options.where or "", options.assignments, dialect)
    if options.verify is None and (options.where is None or not told):
        text = _unchanged(opened, part, made, came) if options.where is None else ""
        text = text or await _came(opened, target, made, dialect)
        made.advice = "new" if text else made.advice  # a second pass would change rows twice
        if options.where is not None and not text:
            opened.say(f"{table} is not verified: --where names no column that --set changes: give --verify QUERY")
        return text
    values: ParameterSet = ()
    if options.verify is not None:
        query = inline(options.verify, dialect)
    else:
        upto = made.end if options.upper == "fixed" else ()
        query, values = _count(made.facts.key, dialect, options.where or "", upto)
    opened.say(f"{target.label}: verifying {table}" if opened.several else f"verifying {table}")
    try:
        reply = await _ask(opened, target, query, values)
    except BulkqError as error:
        made.advice = "verify"
        return f"the verification could not be executed: {error}"
    return _told(made, [tuple(column[row] for column in reply.values) for row in range(len(reply.positions))])


async def _ask(opened: OpenRun, target: OpenTarget, query: Query, values: ParameterSet) -> Reply:
    """Execute a query of the verification."""

    async def ask(connection: Connection) -> Reply:
        statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
        return await connection.attempt(statement, [values], UNHURRIED)

    return await ask_target(target.sessions, opened.job.control, ask, stops=True)


async def _came(opened: OpenRun, target: OpenTarget, made: TableBackfill, dialect: str) -> str:
    """Say which rows may be left because they came, or came back, behind the ranges that were done; "" if there are none."""
    options, table = opened.request.backfill, made.facts.key.table
    assert options is not None
    assert made.end is not None
    upto, known = made.end if options.upper == "fixed" else (), dialect_for(dialect)
    others = [f"({options.where})"] if options.where else []
    if target.tables is not None and known.tables is not None and known.tables.not_of_run:
        others.append(known.tables.not_of_run.format(ranges=target.tables.ranges, run=known.literal(opened.run)))
    found: list[str] = []
    for one in made.events:
        event, rows = one.told, one.condition
        if one.kind != "came":
            continue
        if not rows:
            found.append(f"{table}: {event}, so ranges may have left rows out: {LOOK}")
            continue
        part_of = known.tables.part_name(made.facts.traces, one.part) if known.tables and not options.where else ""
        key = replace(made.facts.key, table=part_of or table)  # a condition may name the table
        query, values = _count(key, dialect, " AND ".join((f"({rows})", *others)), upto)
        try:
            reply = await _ask(opened, target, query, values)
        except BulkqError as error:
            return f"{table}: {event}, and its rows cannot be counted: {error}"
        number = _number(reply.values[0][0])
        if number:
            found.append(f"{table}: {event}, and {number} of its rows were not changed since: {LOOK}")
    return "; ".join(found)


def _count(key: TableKey, dialect: str, where: str, upto: Position) -> tuple[Query, ParameterSet]:
    """The query for the number of rows up to `upto` that match `where`, and its values. `()`: of all rows."""
    known = dialect_for(dialect)
    texts = []
    for level in range(len(upto)):
        form = RangeForm(level, lower=level > 0, upper=level == 0)
        text = key_ranges.condition(key, form, known)
        own = text.replace(":bulkq_lo", f":bulkq_{level + 1}").replace(":bulkq_hi", ":bulkq_1")
        texts.append(f"NOT {own}" if level else own)
    query = expand(
        build_count(key.table, where, dialect), dialect, lambda _: f"({' AND '.join(texts) or '1 = 1'})"
    ).query
    values = {f"bulkq_{place}": text for place, text in enumerate(upto, 1)}
    return query, tuple(values[parameter.name] for parameter in query.parameters)


def _told(made: TableBackfill, rows: Sequence[tuple[object, ...]]) -> str:
    """What the answer of the verification says is left: a number that is not zero, or any row that is no number."""
    if not rows:
        return ""
    first = rows[0]
    number = _number(first[0]) if len(rows) == 1 and len(first) == 1 else None
    if number is None:
        return f"the verification gave {len(rows)} rows, the first: {', '.join(map(str, first))}"
    return f"{number} rows of {made.facts.key.table} are left" if number else ""


def _number(value: object) -> int | None:
    """Return a whole number, None for what is not one; asyncpg gives a numeric of 20,000 as Decimal("2E+4")."""
    try:
        number = Decimal(str(value))
        return int(number) if number == number.to_integral_value() else None
    except ArithmeticError:
        return None

"""Look at the table of a backfill before anything is sent: its key, its statement, its end, and what is left of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.dialects import dialect_for, key_ranges
from bulkq.drivers import dialect_of
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import DatabaseError, RefusedError, UsageError
from bulkq.lifecycle import open_targets, target_markers
from bulkq.lifecycle.backfill.count_rows import PassedRows, count_rows, expect_rows
from bulkq.lifecycle.backfill.describe_table import describe
from bulkq.lifecycle.backfill.explain import SEQSCAN, CannotExecuteError, explain_ranges, refuse_scans
from bulkq.lifecycle.backfill.key_moves import guard_keys, is_in_key, trigger_texts
from bulkq.lifecycle.backfill.patient_cutter import PatientCutter
from bulkq.lifecycle.backfill.prepare_transform import prepare_transform
from bulkq.lifecycle.backfill.range_batches import KeyRangeBatches
from bulkq.lifecycle.backfill.row_image_queries import images_of
from bulkq.lifecycle.backfill.same_table import refuse_detached_failures, refuse_other_rows_since, refuse_other_table
from bulkq.lifecycle.backfill.table_backfill_state import RecordedRanges, TableBackfill
from bulkq.lifecycle.backfill.table_watch import TableWatch
from bulkq.lifecycle.backfill.undo import find_images, shown_counts, told_triggers, undo_queries
from bulkq.lifecycle.backfill.validate_request import range_statement
from bulkq.lifecycle.backfill.verify import UNHURRIED, refusal, try_verification
from bulkq.lifecycle.check_requirements import leave_out_unmet
from bulkq.lifecycle.hidden_rows import HIDDEN, find_hidden_rows
from bulkq.lifecycle.preflight import connections_are_free, recognize
from bulkq.model import Decoding, StatementClass
from bulkq.model.key_range import KeyRange, TableFacts
from bulkq.policy.choose_table_notices import fitting_notices
from bulkq.policy.range_size import RangeSize
from bulkq.policy.remaining_key_ranges import gaps
from bulkq.query import inline
from bulkq.query.backfill_statement import assigned_columns, build_delete, build_set, changed_table, check_assigned
from bulkq.query.changed_key_columns import changed_columns, stable_key
from bulkq.query.check_range_table import UNBOUNDED, refuse_other_rows
from bulkq.query.range_placeholder import by_bounds, expand, find_range
from bulkq.query.trigger_assignments import columns_of_triggers
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Query
    from bulkq.model.key_range import Position, RangeForm, TableKey
    from bulkq.model.run import BackfillOptions
    from bulkq.protocols import Connection


async def prepare_backfill(opened: OpenRun) -> OpenRun:
    """Connect to all targets side by side, and look at the table of each.

    Raises:
        TargetError: no target can be reached. Of several, those that cannot are set aside.
        UsageError: there is no such table or column, or the statement is not one for ranges.
        RefusedError: the table has no key that ranges can be cut by, or the statement is refused.
    """
    request = opened.request
    try:
        lost = await open_targets.on_each(
            opened.targets,
            partial(_look, opened),
            write=True,
            connect_timeout_s=request.limits.connect_timeout_s,
            undo=partial(_forget, opened),
        )
    except BaseException:
        for cutter in opened.cutters:
            await cutter.close()
        raise
    if opened.several:
        open_targets.refuse_twins(request, opened.targets, opened.say)
    for target in lost:
        opened.say(f"{target.label}: {target.reason}: the other targets continue")
    return opened


async def _forget(opened: OpenRun, target: OpenTarget) -> None:
    """Close what a look has opened whose connection broke, so that it can begin again."""
    for part in target.parts:
        opened.backfills.pop(part.spec.number, None)
        part.exhausted = False
    for cutter in opened.cutters:
        await cutter.close()
    opened.cutters.clear()


async def _look(opened: OpenRun, target: OpenTarget, connection: Connection) -> None:
    target.server = connection.server
    await recognize(opened, target, connection)
    await leave_out_unmet(opened, target, connection)
    connections_are_free(opened, target, connection.server)
    try:
        for part in target.parts:
            await _look_at_part(opened, target, part, connection)
    except (UsageError, RefusedError) as error:
        if not opened.several:
            raise
        kind = RefusedError if isinstance(error, RefusedError) else UsageError
        raise kind(f"{target.label}: {error}") from error


async def _look_at_part(opened: OpenRun, target: OpenTarget, part: PartState, connection: Connection) -> None:
    options = _options(opened)
    if options.undo_of:
        await _look_at_images(opened, target, part, connection)
        return
    dialect = dialect_of(target.definition.url)
    found = await describe(connection, dialect, options.over, options.key)
    triggers = [] if options.delete else await trigger_texts(connection, dialect)
    facts = _stable(options, part.spec.query, found, dialect, triggers)
    refuse_other_table(options, part, facts, dialect)
    events = await refuse_other_rows_since(opened, part, facts, connection, dialect)
    if options.generated:
        facts = replace(facts, notices=fitting_notices(facts.notices, deletes=options.delete))
    statement = _statement(options, part.spec.query, facts, dialect)
    if not options.generated and UNBOUNDED not in opened.request.safety.allow:
        refuse_other_rows(statement, facts.key, dialect)
    batches = KeyRangeBatches(partial(_expanded, statement, facts.key, dialect), opened.request.sources.constants)
    cutter = await _open_cutter(opened, target, facts.key)
    recorded = await read_ranges(opened, target, part, connection, facts.key)
    await refuse_detached_failures(events, recorded.failed, options.where, facts, connection, dialect)
    end = recorded.end or await cutter.greatest()
    start = recorded.start if recorded.end else await _start(connection, statement, facts.key, dialect)
    if options.select is None:
        part.spec = replace(part.spec, query=statement)
    made = opened.backfills[part.spec.number] = TableBackfill(
        facts=facts,
        statement=statement,
        cutter=cutter,
        batches=batches,
        start=start,
        end=end,
        recorded=recorded,
        events=events,
    )
    for notice in facts.notices if opened.resume.record is None else ():
        opened.say_once(f"{target.label}: {notice}" if opened.several else notice)
    if end is None:
        part.exhausted = True
        await cutter.close()
        opened.say(f"{facts.key.table} has no rows: nothing to do")
        return
    await _try_out(opened, part, made, KeyRange(start, end), connection, dialect)
    expect_rows(opened, *await count_rows(connection, facts, options.count), recorded.rows)
    cutter.before_cut.append(TableWatch(made, dialect, options.over).look)
    if not options.delete:
        guard_keys(made, dialect, follows=options.upper == "open")
    _begin(opened, part, made, end)
    opened.sources.ranges[part.spec.number].bounded = options.select is None and _changes_its_table(made, dialect)


async def _try_out(
    opened: OpenRun, part: PartState, made: TableBackfill, whole: KeyRange, connection: Connection, dialect: str
) -> None:
    """Let the database look at all statements of the backfill before one is executed.

    Raises:
        UsageError: the database finds a mistake in one.
        RefusedError: the database refuses one, or a range would read the whole table, or the key has no one order.
    """
    await _try_statement(part, connection, made.batches, whole)
    await try_verification(_options(opened).verify, connection, dialect)
    if opened.resume.record is None:
        await _refuse_misplaced(connection, made.facts.key, dialect)
        await _explain(opened, made, connection, dialect)
        await _refuse_hidden(opened, part, made, connection, dialect)
    if opened.processes is not None:
        await prepare_transform(opened, part, connection, made, whole, dialect_for(dialect))


async def _open_cutter(opened: OpenRun, target: OpenTarget, key: TableKey) -> PatientCutter:
    """Connect a cutter. It is closed with its source, or here if the run does not begin."""
    dialect = dialect_of(target.definition.url)
    cutter = PatientCutter(target.sessions, await target.driver.connect(), dialect, key)
    opened.cutters.append(cutter)
    return cutter


async def _refuse_misplaced(connection: Connection, key: TableKey, dialect: str) -> None:
    """Refuse a key of which the database does not find all values again.

    Raises:
        RefusedError: with one of them.
    """
    text = key_ranges.conversion(dialect_for(dialect)).misplaced(key)
    if not text:
        return
    statement = await connection.prepare(inline(text, dialect), Decoding.TEXT, typed=False, identifiers={})
    reply = await connection.attempt(statement, [()], UNHURRIED)
    if reply.positions:
        shown = quoted(str(reply.values[0][0]))
        raise RefusedError(
            f"{key.table}: its key has {shown}, which the database does not keep in one order with others, so ranges would leave rows "
            "out: use another key (--key)"
        )


async def _explain(opened: OpenRun, made: TableBackfill, connection: Connection, dialect: str) -> None:
    """Explain a few ranges, and refuse a statement that reads the whole table for each, unless that is allowed."""
    allowed = SEQSCAN in opened.request.safety.allow
    try:
        made.explained = await explain_ranges(connection, made, _size(_options(opened)).rows, dialect)
    except RefusedError as error:
        if not allowed or isinstance(error, CannotExecuteError):
            raise
    if not allowed:
        refuse_scans(made, made.explained)


async def _refuse_hidden(
    opened: OpenRun, part: PartState, made: TableBackfill, connection: Connection, dialect: str
) -> None:
    """Refuse statements that read tables of which the role does not see all rows, unless that is allowed.

    Raises:
        RefusedError: what they find would be wrong without an error.
    """
    if HIDDEN in opened.request.safety.allow:
        return
    assert made.end is not None
    options = _options(opened)
    verified = [inline(options.verify, dialect)] if options.verify is not None else []
    ranged, _ = made.batches.statement(KeyRange(made.start, made.end))
    for told, query in (await find_hidden_rows(connection, (ranged, part.spec.query, *verified), dialect)).items():
        place = "--verify" if query in verified else made.statement.place
        raise RefusedError(
            f"{place}: {told}: rows that its policies hide would be missing without an error: connect as a role with BYPASSRLS, or "
            "add --allow hidden"
        )


def _size(options: BackfillOptions) -> RangeSize:
    return RangeSize(options.target_time_s, options.min_rows, options.max_rows, options.first_rows)


async def _look_at_images(opened: OpenRun, target: OpenTarget, part: PartState, connection: Connection) -> None:
    """Look at the images of a run that is undone: they are the table whose key is gone over."""
    options, dialect = _options(opened), dialect_of(target.definition.url)
    found = await find_images(connection, options, target.places[0], part.spec.number, dialect)
    if found is None or not found.left:
        part.exhausted = True
        about = "has kept nothing" if found is None else shown_counts(found)
        opened.say(f"{target.label}: {about}: nothing to undo" if opened.several else f"{about}: nothing to undo")
        return
    key = images_of(dialect).table_key(found.captured.images)
    cutter = await _open_cutter(opened, target, key)
    batches = KeyRangeBatches(lambda _: part.spec.query, {})
    batches.rewrite(undo_queries(found, dialect, part.spec.query.name))
    recorded = await read_ranges(opened, target, part, connection, key)
    made = opened.backfills[part.spec.number] = TableBackfill(
        facts=TableFacts(key),
        statement=part.spec.query,
        cutter=cutter,
        batches=batches,
        start=found.start,
        end=found.end,
        recorded=recorded,
        images=found,
    )
    if opened.resume.record is None:
        for text in filter(None, (shown_counts(found), told_triggers(found))):
            opened.say(text)
    await _try_statement(part, connection, batches, KeyRange(found.start, found.end))
    expect_rows(opened, sum(found.counts.values()), "exact", recorded.rows)
    _begin(opened, part, made, found.end)


def _options(opened: OpenRun) -> BackfillOptions:
    options = opened.request.backfill
    assert options is not None, "the request of a backfill has its options"
    return options


def _stable(
    options: BackfillOptions,
    query: Query,
    facts: TableFacts,
    dialect: str,
    triggers: Sequence[tuple[str, str, str]] = (),
) -> TableFacts:
    """The table with the leading columns of its key that the statement and triggers leave as they are, by which it is cut.

    Raises:
        UsageError: the statement or a trigger changes the first column of the key, or it changes a column that the table does not have.
        RefusedError: it changes another one, and the whole key is needed to find a row again.
    """
    if options.assignments:
        columns = check_assigned(assigned_columns(options.assignments, dialect), facts, dialect)
    else:
        columns = changed_columns(query, facts.key.table, dialect)
    known = {name.lower() for name in facts.generated}
    if taken := next((name for name in columns if name.lower() in known), ""):
        raise UsageError(f"{query.place}: column {quoted(taken)} of {facts.key.table} is generated: leave it out")
    key, who = stable_key(facts.key, columns, query.place, dialect), "the statement"
    called = columns_of_triggers(triggers, facts.key.table, columns, dialect)
    if moved := next((column for column in called if is_in_key(key, column)), ""):
        who = f"the trigger {quoted(called[moved])}"
        key = stable_key(key, tuple(called), f"trigger {quoted(called[moved])}", dialect)
    if key is facts.key:
        return facts
    needs = "--capture" if options.capture else "--select" if options.select is not None else ""
    if needs:
        changed = quoted(facts.key.columns[len(key.columns)].name)
        raise RefusedError(f"{query.place}: {who} changes {changed} of the key, by which {needs} finds rows again")
    names = ", ".join(column.name for column in key.columns)
    notice = f"{who} changes columns of the key, so ranges are cut by ({names}) alone"
    return replace(facts, key=key, notices=(*facts.notices, notice))


def _statement(options: BackfillOptions, query: Query, facts: TableFacts, dialect: str) -> Query:
    """The statement with the place of the range: as the user wrote it, or made from the options with the catalog's names."""
    if options.delete:
        return replace(build_delete(facts.key.table, options.where, dialect), name=query.name)
    if options.assignments:
        return replace(build_set(facts.key.table, options.assignments, options.where, dialect), name=query.name)
    return range_statement(options, query, dialect)


def _expanded(statement: Query, key: TableKey, dialect: str, form: RangeForm) -> Query:
    """The statement with the condition of a form of range."""
    known = dialect_for(dialect)
    column = key.columns[form.level]
    return expand(
        statement,
        dialect,
        lambda alias: key_ranges.condition(key, form, known, alias),
        lambda name: key_ranges.conversion(known).value(f":{name}", column),
    ).query


async def _start(connection: Connection, statement: Query, key: TableKey, dialect: str) -> Position:
    """Where the first range begins: in front of all rows, or for `:lo` and `:hi` at the number in front of the least one.

    Raises:
        UsageError: the key is not one integer.
    """
    if not by_bounds(find_range(statement, dialect)):
        return ()
    column = key.columns[0]
    if len(key.columns) > 1 or "int" not in column.type.lower():
        names = ", ".join(f"{column.name} {column.type}" for column in key.columns)
        raise UsageError(
            f"{statement.place}: :lo and :hi are for a key of one integer, and {key.table} has the key ({names}): write :range"
        )
    known = dialect_for(dialect)
    name = known.identifier(column.name)
    text = key_ranges.conversion(known).text(f"(min({name}) - 1)", column)
    try:
        rows = await connection.administer([f"SELECT {text} FROM {key.table}"])
    except DatabaseError as error:
        if error.connection_lost:
            raise
        raise UsageError(
            f"{statement.place}: no number stands in front of the least {column.name} of {key.table}, so :lo has no value: write :range"
        ) from error
    return () if rows[0][0] is None else (str(rows[0][0]),)


async def _try_statement(part: PartState, connection: Connection, batches: KeyRangeBatches, whole: KeyRange) -> None:
    """Prepare the statement for a range, without executing it.

    Raises:
        UsageError: the database finds a mistake in it.
        RefusedError: the database refuses it for another reason, or would keep a part of what a rollback undoes.
    """
    query, _ = batches.statement(whole)
    try:
        statement = await connection.prepare(query, part.spec.decoding, typed=False, identifiers={})
        if isinstance(connection, BaseConnection) and query.statement is StatementClass.WRITE:
            connection.must_be_claimable(statement)
    except DatabaseError as error:
        if error.connection_lost:
            raise
        raise refusal(query.place, error) from error


async def read_ranges(
    opened: OpenRun, target: OpenTarget, part: PartState, connection: Connection, key: TableKey
) -> RecordedRanges:
    """What earlier processes of the run have recorded of a part, in the order of the key."""
    tables = target.tables
    if opened.resume.record is None or tables is None:
        return RecordedRanges()
    dialect = dialect_of(target.definition.url)
    number = part.spec.number
    await target_markers.make_ranges(connection.administer, tables, dialect)
    order = key_ranges.order_of_ends(key, markers.UPPER[: len(key.columns)], dialect_for(dialect))
    rows = await connection.administer([markers.select_ranges(tables, opened.run, number, order)])
    found = [markers.read_range(row) for row in rows]
    last = max((n for n, _, _ in found), default=0)
    whole = next((one for _, state, one in found if state == markers.RANGE_END), KeyRange((), ()))
    start, end = whole.after, whole.upto or None
    whole_again, failed_again = opened.resume.whole_again, opened.resume.failed_again or opened.resume.whole_again
    failed = {n: one for n, state, one in found if state == markers.RANGE_FAILED}
    ledger = opened.resume.parts.get(number)
    known = set(failed) if failed_again else {failure.n for failure in ledger.failures} if ledger is not None else set()
    left = {markers.RANGE_FAILED} if whole_again else {markers.RANGE_DONE, markers.RANGE_FAILED}
    return RecordedRanges(
        start=start,
        end=end,
        done=[one for n, state, one in found if state in left and (n not in failed or n in known)],
        failed=list(failed.items()) if failed_again else [],
        lost=[n for n in failed if n not in known],
        last=last,
        rows=0 if whole_again else sum(one.rows for _, state, one in found if state == markers.RANGE_DONE),
    )


def _changes_its_table(made: TableBackfill, dialect: str) -> bool:
    """Whether the statement changes the rows of the table that is gone over, and no others."""
    name = changed_table(made.statement, dialect)
    return bool(name) and name[-1].lower() == made.facts.key.table.rpartition(".")[2].strip('"`').lower()


def _begin(opened: OpenRun, part: PartState, made: TableBackfill, end: Position) -> None:
    options = _options(opened)
    source = opened.sources.ranges[part.spec.number]
    known = made.recorded
    last = max(known.last, *(done[-1][1] for done in (opened.resume.done.get(part.spec.number, ()),) if done), 0)
    size = _size(options)
    source.begin(
        made.cutter,
        made.batches,
        size,
        gaps(known.done, end, made.start),
        least=options.min_rows,
        first=last + 1,
        again=known.failed,
        follows=options.upper == "open",
        rows=PassedRows(opened, source, size),
    )
    part.ranges = source

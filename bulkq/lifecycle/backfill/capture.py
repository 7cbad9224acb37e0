"""`--capture`: let every range keep what its rows were, and what they became, in its own transaction."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.dialects import dialect_for, key_ranges, row_images
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, RefusedError, StoppedError, TargetError
from bulkq.lifecycle import open_targets, target_markers
from bulkq.lifecycle.backfill import row_image_queries
from bulkq.lifecycle.backfill.range_batches import FormQueries
from bulkq.lifecycle.backfill.row_image_queries import AboutImages
from bulkq.model.key_range import KeyColumn, KeyRange
from bulkq.model.row_images import ALTERED, UNDONE, CapturedChange, CapturedTable
from bulkq.query import inline
from bulkq.query.backfill_statement import (
    assigned_columns,
    assignments_text,
    changed_table,
    check_assigned,
    condition_text,
)
from bulkq.text.byte_sizes import size_text
from bulkq.text.message_parts import first_names, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.dialects.row_images import CapturableTable
    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Query
    from bulkq.model.key_range import RangeForm, TableFacts
    from bulkq.model.run import BackfillOptions
    from bulkq.protocols import Connection

RULED = frozenset({"0A000"})
"""The state with which PostgreSQL refuses, beside a rule of the table, a statement that also keeps images."""

NAMED = 3
OVERHEAD = 100
"""Bytes of an image beside its values, with the index, about."""


async def prepare_capture(opened: OpenRun) -> None:
    """Make the tables of images, and let the ranges of every part fill them. Before the run is recorded.

    Raises:
        RefusedError: what the rows are cannot be kept truly, or would take more than `--capture-max`.
    """
    options = opened.request.backfill
    if options is None or not options.capture:
        return
    for target in opened.targets:
        for part in target.parts if target.lost is None else ():
            made = opened.backfills.get(part.spec.number)
            if made is not None and made.end is not None:
                await open_targets.visit_again(
                    target, partial(_prepare, opened, part, made), patient=not opened.several
                )


async def _prepare(
    opened: OpenRun, part: PartState, made: TableBackfill, target: OpenTarget, connection: Connection
) -> None:
    options = opened.request.backfill
    assert options is not None
    url, dialect = target.definition.url, dialect_of(target.definition.url)
    try:
        version, written = connection.server.version_number, None if options.generated else part.spec.query
        if written is not None or options.select is not None:
            _refuse_written(made, options, part.spec.query, dialect, version)
        deletes = options.delete if written is None else written.verb == "DELETE"
        columns = await _captured_columns(connection, options, made, dialect, deletes=deletes)
        tables = target.tables or await target_markers.make_tables(connection, url, opened.request.safety.marker_table)
        name = markers.images_table(tables, options.capture_table, dialect)
        wanted = CapturedTable(name, opened.run, part.spec.number, made.facts.key, columns, deletes)
        about = await _make_table(connection, wanted, dialect)
        most = options.capture_max
        if opened.resume.record is None:
            _refuse_estimate(opened, made.facts, wanted, options)
        elif {UNDONE, ALTERED} & (await row_image_queries.state_counts(connection, wanted)).keys():
            raise RefusedError(f"run {opened.run} was undone, wholly or in part: start the backfill again")
        plain = made.batches.queries if written is not None else None
        make = partial(_queries, wanted, options, dialect, version, part.spec.query.name, plain)
        await _try_all(part, connection, make(KeyRange(made.start, made.end or ()).form))
        made.batches.rewrite(make)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(str(error)) from error
        advice = "leave out --capture" if error.sqlstate in RULED else "name another table with --capture-table"
        raise RefusedError(f"{target.label}: --capture: {error}: {advice}") from error
    made.cutter.before_cut.append(partial(_refuse_more, made, wanted, about, most, dialect))


def _refuse_written(made: TableBackfill, options: BackfillOptions, query: Query, dialect: str, version: int) -> None:
    """Refuse a statement of a file that may change more than rows of the table, or whose old values cannot be had."""
    named, table = changed_table(query, dialect), row_image_queries.parts_of(made.facts.key.table, dialect)
    same = [part.lower() for part in named[-2:]] == [part.lower() for part in table[-len(named[-2:]) :]]
    if options.select is not None or not named or not same:
        raise RefusedError(
            f"{query.place}: --capture keeps the rows of one UPDATE or DELETE of {made.facts.key.table} without RETURNING: write the "
            "statement so, or leave out --capture"
        )
    if query.verb == "UPDATE" and version < row_image_queries.images_of(dialect).updates_since:
        raise RefusedError(
            f"{query.place}: before PostgreSQL 18, an UPDATE of a file does not give its old values: write it as --set and --where, "
            "or leave out --capture"
        )


async def _captured_columns(
    connection: Connection, options: BackfillOptions, made: TableBackfill, dialect: str, *, deletes: bool
) -> tuple[KeyColumn, ...]:
    """The columns whose values are kept.

    Raises:
        RefusedError: they would not be all that the change does.
    """
    facts, catalog = made.facts, row_image_queries.images_of(dialect)
    if any(column.name not in facts.columns for column in facts.key.columns):
        raise RefusedError(
            f"{facts.key.table}: --capture needs a key that is stored: VACUUM gives rows other rowids, and their old values would go to "
            "other rows: add an INTEGER PRIMARY KEY, or leave out --capture"
        )
    rows = await connection.administer([catalog.facts.format(**row_image_queries.names_of(facts.key.table, dialect))])
    table = catalog.read_facts(rows)
    if table.wrong:
        raise RefusedError(f"{facts.key.table}: --capture: {table.wrong}")
    key = [column.name for column in facts.key.columns]
    if deletes:
        _refuse_deletions(facts, table)
        names = [*(name for name in key if name not in table.stored), *table.stored]
    elif not options.generated:
        names = [name for name in table.stored if name not in {*key, *table.fixed}]
        _refuse_updates(facts, table, names)
    else:
        names = list(dict.fromkeys(check_assigned(assigned_columns(options.assignments, dialect), facts, dialect)))
        _refuse_updates(facts, table, names)
    return tuple(KeyColumn(name, facts.columns.get(name, "")) for name in names)


def _refuse_deletions(facts: TableFacts, table: CapturableTable) -> None:
    if table.deletions:
        raise RefusedError(
            f"--capture: deleting rows of {facts.key.table} changes rows of {first_names(table.deletions, NAMED)} too, which would "
            "not come back: delete those first, in a backfill of their own, or leave out --capture"
        )


def _refuse_updates(facts: TableFacts, table: CapturableTable, names: list[str]) -> None:
    found = [shown for column, shown in table.updates if column in names]
    if found:
        raise RefusedError(
            f"--capture: a new value in {facts.key.table} changes rows of {first_names(found, NAMED)} too, which would not come back: "
            "leave out --capture"
        )
    missing = [name for name in names if name not in table.stored or name in table.fixed]
    if missing:
        raise RefusedError(
            f"--capture: column {quoted(missing[0])} of {facts.key.table} is generated, so an undo cannot give it its old values: "
            "leave out --capture"
        )


async def _make_table(connection: Connection, wanted: CapturedTable, dialect: str) -> AboutImages:
    """Make the table of images, and write what this run keeps there, unless an earlier process has."""
    known = await row_image_queries.read_about(connection, wanted.images, wanted.run, wanted.part, dialect)
    if known is not None:
        return known
    there = await row_image_queries.present(connection, wanted.images, dialect)
    create = row_image_queries.images_of(dialect).create(
        wanted.images, there, len(wanted.key.columns), len(wanted.columns)
    )
    if create:
        await connection.administer(create)
    about = AboutImages(
        tuple(column.name for column in wanted.key.columns),
        tuple(column.name for column in wanted.columns),
        wanted.deletes,
        await row_image_queries.used_bytes(connection, wanted.images, dialect),
    )
    text = dialect_for(dialect).literal(about.text)
    await connection.administer([row_images.insert_about(wanted, text)])
    return about


def _refuse_estimate(opened: OpenRun, facts: TableFacts, wanted: CapturedTable, options: BackfillOptions) -> None:
    """Refuse a run over all rows whose images would be too many; with a condition, say it."""
    if not facts.rows or not facts.size or options.capture_max is None:
        return
    share = 1.0 if wanted.deletes else min(1.0, 2 * len(wanted.columns) / max(1, len(facts.columns)))
    bytes_ = int(facts.size * share) + facts.rows * OVERHEAD
    if bytes_ <= options.capture_max:
        return
    text = (
        f"--capture: images of all {facts.rows} rows of {facts.key.table} take about {size_text(bytes_)}, and --capture-max is "
        f"{size_text(options.capture_max)}"
    )
    if options.where is None:
        raise RefusedError(f"{text}: raise it, or divide the work with --where")
    opened.say(f"{text}: the run stops when that is reached, and can be resumed")


def _queries(
    wanted: CapturedTable,
    options: BackfillOptions,
    dialect: str,
    version: int,
    name: str,
    plain: Callable[[RangeForm], FormQueries] | None,
    form: RangeForm,
) -> FormQueries:
    """The statements of a form of range that keep images; `plain` gives the user's own."""
    known = dialect_for(dialect)
    written = None if plain is None else plain(form).main
    change = CapturedChange(
        text="" if written is None else written.sql.rstrip().rstrip(";"),
        sets="" if wanted.deletes or written is not None else assignments_text(options.assignments, dialect),
        where=condition_text(options.where, dialect) if options.where is not None and written is None else "",
        condition=key_ranges.condition(wanted.key, form, known),
        version=version,
    )
    made = row_image_queries.images_of(dialect).capture(wanted, change)
    before, after = (
        tuple(replace(inline(text, dialect), name="capture") for text in texts) for texts in (made.before, made.after)
    )
    main = replace(inline(made.main, dialect), name=name)
    types = {parameter.name: parameter for parameter in written.parameters} if written is not None else {}
    main = replace(main, parameters=tuple(types.get(one.name, one) for one in main.parameters))
    return FormQueries(main, before, after)


async def _try_all(part: PartState, connection: Connection, made: FormQueries) -> None:
    """Prepare the statements, without executing them.

    Raises:
        DatabaseError: the database refuses one.
    """
    for query in (*made.before, made.main, *made.after):
        await connection.prepare(query, part.spec.decoding, typed=False, identifiers={})


async def _refuse_more(
    made: TableBackfill, wanted: CapturedTable, about: AboutImages, most: int | None, dialect: str
) -> None:
    """Stop when the images have grown by `most` bytes.

    Raises:
        StoppedError: with the next step.
    """
    if most is None:
        return
    rows = await made.cutter.administer(
        [row_image_queries.images_of(dialect).used.format(**row_image_queries.names_of(wanted.images, dialect))]
    )
    grown = int(str(rows[0][0] or 0)) - about.used
    if grown >= most:
        raise StoppedError(
            f"the images in {wanted.images} have grown by {size_text(grown)}, and --capture-max is {size_text(most)}: "
            f"go on with bulkq resume {wanted.run} --capture-max SIZE"
        )

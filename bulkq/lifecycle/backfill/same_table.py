"""Refuse to go on with a backfill in another table than it began with, or in one whose rows have got other keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for, key_ranges
from bulkq.errors import RefusedError
from bulkq.lifecycle.backfill.describe_table import harmful_events, lasting_identity, same_identity
from bulkq.lifecycle.backfill.range_batches import KeyRangeBatches
from bulkq.lifecycle.backfill.verify import UNHURRIED
from bulkq.model import Decoding
from bulkq.policy.safety import REWRITTEN
from bulkq.query.backfill_statement import build_count
from bulkq.query.range_placeholder import expand
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.backfill_catalog import Suspicion
    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Query
    from bulkq.model.key_range import KeyRange, RangeForm, TableFacts
    from bulkq.model.run import BackfillOptions
    from bulkq.protocols import Connection


def refuse_other_table(options: BackfillOptions, part: PartState, facts: TableFacts, dialect: str) -> None:
    """Refuse to go on in another table, or by another key, than the run began with.

    Raises:
        RefusedError: a search path, a table or an index has changed.
    """
    then = options.tables[part.spec.number - 1] if part.spec.number <= len(options.tables) else ""
    if then and then != facts.key.told:
        raise RefusedError(
            f"{part.spec.target}: the run began with {then}, and {options.over} is {facts.key.told} now: give the search path of the first "
            "run, or start a new one"
        )
    place, now = part.spec.number - 1, lasting_identity(facts, dialect)
    began = options.identities[place] if place < len(options.identities) else now
    if not same_identity(began, now, dialect):
        raise RefusedError(
            f"{part.spec.target}: {facts.key.table} was replaced by another table, or its key got another order, since the run began "
            f"({began}, now {now}): start a new run"
        )


async def refuse_other_rows_since(
    opened: OpenRun, part: PartState, facts: TableFacts, connection: Connection, dialect: str
) -> list[Suspicion]:
    """Refuse to go on in a table whose rows have got other keys since the run began, unless the user has allowed it.

    Returns:
        The events after which rows may be left.

    Raises:
        RefusedError: other keys, or another table.
        TargetError: the connection broke.
        DatabaseError: the database does not say whether an event has done harm.
    """
    options, place = opened.request.backfill, part.spec.number - 1
    assert options is not None, "the request of a backfill has its options"
    if opened.resume.record is None or place >= len(options.traces):
        return []
    events = await harmful_events(connection, dialect, facts.key, json.loads(options.traces[place]), facts.traces)
    allowed = REWRITTEN in opened.request.safety.allow
    for event in events:
        if event.kind == "replaced" or (event.kind == "rewritten" and not allowed):
            raise RefusedError(f"{part.spec.target}: {facts.key.table}: {event.told}")
    return [] if allowed or opened.resume.whole_again else list(events)


async def refuse_detached_failures(
    events: Sequence[Suspicion],
    failed: Sequence[tuple[int, KeyRange]],
    where: str | None,
    facts: TableFacts,
    connection: Connection,
    dialect: str,
) -> None:
    """Refuse to do failed ranges again whose rows have left the table with a partition: they would end well without them.

    Args:
        events: since the run began.
        failed: number and range of those that are to be done again.
        where: the condition of `--where`.
        facts: of the table.
        connection: idle.
        dialect: of the database.

    Raises:
        RefusedError: a detached partition has rows of such a range.
        TargetError: the connection broke.
        DatabaseError: the partition cannot be read.
    """
    known = dialect_for(dialect)
    for event in (one for one in events if one.kind == "left" and failed):
        name = event.told.rpartition(" was detached")[0]
        count = build_count(name, where or "true", dialect)

        def expanded(form: RangeForm, count: Query = count) -> Query:
            return expand(count, dialect, lambda _: key_ranges.condition(facts.key, form, known)).query

        batches, rows = KeyRangeBatches(expanded, {}), 0
        for _, one in failed:
            query, values = batches.statement(one)
            statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            rows += int(str((await connection.attempt(statement, [values], UNHURRIED)).values[0][0]))
        if rows:
            raise RefusedError(
                f"{facts.key.table}: {name} was detached since the run began, and has {counted(rows, 'row')} of the ranges that failed: "
                "attach it again, or change them in a run of their own; bulkq retry with --allow rewritten does the ranges without them"
            )

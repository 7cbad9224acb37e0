"""Refuse to go on with a backfill in another table than it began with, or in one whose rows have got other keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.errors import RefusedError
from bulkq.lifecycle.backfill.describe_table import harmful_events, lasting_identity, same_identity
from bulkq.policy.safety import REWRITTEN

if TYPE_CHECKING:
    from bulkq.dialects.backfill_catalog import Suspicion
    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model.key_range import TableFacts
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

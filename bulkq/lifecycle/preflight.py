"""Examine the targets before the first statement: free connections, statements, parameter values. Executes nothing of the user's."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from bulkq.engine.failure_records import failure
from bulkq.errors import DatabaseError
from bulkq.lifecycle import database_identity, open_targets, prepare_same_row_write_order, run_fingerprints
from bulkq.lifecycle.check_parameter_values import check_identifiers, check_values
from bulkq.lifecycle.check_requirements import leave_out_unmet
from bulkq.lifecycle.statements_by_identifier import StatementsByIdentifier
from bulkq.lifecycle.untyped_parameters import find_untyped, warning
from bulkq.model import Outcome
from bulkq.policy.auto_concurrency import SPARE
from bulkq.policy.safety import counted_option, refuse_lanes, refuse_uncounted
from bulkq.sources import open_source_for
from bulkq.sources.peekable_source import PeekableSource
from bulkq.sources.source_request import request_of

if TYPE_CHECKING:
    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Batch, Server
    from bulkq.protocols import Connection, Statement

PEEKED = 1_000
"""Sets whose values are checked before a read begins."""

CHECKS_WHOLE_FILES = 160_000
"""From PostgreSQL 16 on, `pg_input_is_valid` checks a file without an aborted transaction per bad value."""


async def look_first(opened: OpenRun) -> OpenRun:
    """Connect to all targets side by side, and ask each about statements, free connections and values.

    Raises:
        TargetError: no target can be reached. Of several, those that cannot are set aside.
        ParameterError: a value that a target would not take.
        RefusedError: too few connections are free; two names for one database that would be changed.
    """
    request = opened.request
    lost = await open_targets.on_each(
        opened.targets,
        partial(_look, opened),
        write=request.safety.write,
        connect_timeout_s=request.limits.connect_timeout_s,
        patient=opened.job.given is None,  # a connection that the API has kept may have broken long ago
    )
    if opened.several:
        open_targets.refuse_twins(request, opened.targets, opened.say)
    most = request.limits.max_failed_targets
    stops = (most is not None and len(lost) > most) or any(target.first for target in lost)
    for target in lost:
        opened.say(f"{target.label}: {target.reason}{'' if stops else ': the other targets continue'}")
    return opened


async def _look(opened: OpenRun, target: OpenTarget, connection: Connection) -> None:
    target.server = connection.server
    await recognize(opened, target, connection)
    await leave_out_unmet(opened, target, connection)
    uncounted = refuse_uncounted(counted_option(opened.request), connection.server, target.driver.capabilities.name)
    if uncounted is not None:
        raise uncounted
    parts = [part for part in target.parts if not part.unmet]
    heads = [await _peek(part) for part in parts]
    connections_are_free(opened, target, connection.server)  # a short file is known to be short by now
    statements = [
        None if head is None else await _look_at_part(opened, target, part, head, connection)
        for part, head in zip(parts, heads, strict=True)
    ]
    for part, head in zip(parts, heads, strict=True):
        if head is None:
            part.exhausted = True
            if opened.resume.record is None:
                await _say_empty(opened, part, connection)
    if opened.request.safety.write:
        await prepare_same_row_write_order.order(opened, target, connection, statements)


async def _look_at_part(
    opened: OpenRun, target: OpenTarget, part: PartState, head: Batch, connection: Connection
) -> Statement | None:
    """Look at one part with its first sets; the first statement that the target takes."""
    if part.spec.identifiers:
        check_identifiers(part.spec.query, head)
    by_identifier = StatementsByIdentifier(part.spec)
    await by_identifier.prepare(connection, head)
    if by_identifier.error is not None:  # it failed once, not once per set
        part.refused = failure(part.spec, head, 0, by_identifier.error, Outcome.NOT_STARTED, 1)
        return None
    first = by_identifier.first
    if part.mapper is None:  # else only its rows tell which columns they have
        part.sink.describe(part.spec.query, () if first is None else first.columns)
    can = target.driver.capabilities
    if can.dynamic_types:
        await _warn_of_untyped(opened, part, connection)
    if can.text_parameters and not part.source.typed:
        for statement, positions in by_identifier.each(head):
            await check_values(connection, statement, head, opened.request.sources.constants, positions)
    if opened.request.safety.write and part.source.replayable and opened.resume.only is None:
        await _whole_source(opened, target, part, connection, by_identifier)
    return first


async def recognize(opened: OpenRun, target: OpenTarget, connection: Connection) -> None:
    """Find out which database this is; of a retry, refuse another, or other settings, than those of the run that it repeats."""
    if opened.several or opened.request.safety.recorded:
        target.identity = await database_identity.identity(connection, target.definition.url)
        if opened.several or opened.request.safety.write:  # two names of one database, commits that a server forgot
            target.physical = await database_identity.physical(connection, target.identity)
    then = opened.resume.databases.get(target.places[0])
    if then is not None:
        run_fingerprints.refuse_other(then, target.label, target.identity, connection.server)


async def _peek(part: PartState) -> Batch | None:
    assert isinstance(part.source, PeekableSource)
    return await part.source.peek(PEEKED)


async def _say_empty(opened: OpenRun, part: PartState, connection: Connection) -> None:
    """No sets: nothing to run, which is said; a table of no rows still has its header."""
    spec = part.spec
    opened.say(f"{spec.query.place}: there are no parameter sets: nothing to run")
    if spec.identifiers:
        return
    with contextlib.suppress(DatabaseError):
        statement = await connection.prepare(spec.query, spec.decoding, typed=spec.typed, identifiers={})
        if part.mapper is None:
            part.sink.describe(spec.query, statement.columns)


async def _warn_of_untyped(opened: OpenRun, part: PartState, connection: Connection) -> None:
    """Warn, once per query, of values that the target compares as numbers or as text."""
    place = (part.spec.number - 1) % len(opened.request.queries.selected) + 1
    names = opened.sources.texts.get(place, frozenset())
    for finding in await find_untyped(connection, part.spec.query, names):
        opened.say_once(warning(finding))


async def _whole_source(
    opened: OpenRun, target: OpenTarget, part: PartState, connection: Connection, by_identifier: StatementsByIdentifier
) -> None:
    """Before a write, every set of a file is read once: no row is changed while line 90,000 is bad.

    Targets that want the same types of the same query would say the same of the same file.
    """
    query, product = part.spec.query, connection.server.product
    first = by_identifier.first
    asked = (query.place, product, connection.server.version_number, first and first.parameter_types)
    if asked in opened.checked:
        return
    opened.checked.add(asked)
    try:
        await _check_source(opened, target, part, connection, by_identifier)
    except BaseException:
        opened.checked.discard(asked)  # a look that begins again checks it, too
        raise


async def _check_source(
    opened: OpenRun, target: OpenTarget, part: PartState, connection: Connection, by_identifier: StatementsByIdentifier
) -> None:
    """Read the sets of a part once, and have the target check their values."""
    wanted = request_of(opened.request.sources)
    query = part.spec.query
    several = len(opened.request.queries.selected) > 1
    can = target.driver.capabilities
    source = await open_source_for(can, wanted, part.spec.query, unused_constants_ok=several)
    checks = can.text_parameters and connection.server.version_number >= CHECKS_WHOLE_FILES
    try:
        while (batch := await source.take(PEEKED * 10, 0)) is not None:
            check_identifiers(query, batch)
            for statement, positions in by_identifier.each(batch) if checks else ():
                await check_values(connection, statement, batch, wanted.constants, positions)
    finally:
        await source.close()


def connections_are_free(opened: OpenRun, target: OpenTarget, server: Server) -> None:
    """Refuse more lanes than the server has free connections, before any is opened."""
    free = server.free_connections
    if free is None or server.pooled:
        return
    if opened.several or opened.request.limits.concurrency is None:
        spare = free // SPARE if opened.request.limits.concurrency is None else 0
        target.sessions.limit(1 + free - spare, "the server has no more free connections")
        return
    beside = 0 if opened.request.backfill is None else 1  # what cuts the ranges
    totals = [part.source.total for part in opened.parts]
    refused = refuse_lanes(opened.request.limits.concurrency, totals, server, beside)
    if refused is not None:
        raise refused

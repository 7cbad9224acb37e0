"""Execute a recorded maintenance run, end it in each target, and sum it up."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.engine.pool import MOST_OPEN
from bulkq.errors import BulkqError
from bulkq.lifecycle.execute_run import execute
from bulkq.lifecycle.finish import finish
from bulkq.lifecycle.maintain.leftover_indexes import new_leftovers, remove
from bulkq.lifecycle.maintain.object_sizes import enter_sizes
from bulkq.lifecycle.maintain.prepare import options_of
from bulkq.lifecycle.maintain.recorded_results import record_results
from bulkq.lifecycle.maintain.target_objects import able, list_objects
from bulkq.model.maintenance import ObjectState
from bulkq.targets.bounded_concurrency import gather_concurrently
from bulkq.text.message_parts import counted, first_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure, RunSummary
    from bulkq.model.maintenance import MaintenanceOptions, ObjectFacts
    from bulkq.protocols import Connection

LOOK_S = 1.0
"""Time between two questions about what the commands do now."""

SHOWN = 3
"""Statements that the reason of the run repeats."""


async def execute_maintenance(recorded: RecordedRun) -> Sequence[Failure]:
    """Execute the commands, show what the server says of them meanwhile, and do what comes behind all objects of a target.

    Returns:
        The first failures, those of earlier processes before them.
    """
    opened = recorded.opened
    watches = [asyncio.create_task(_watch(opened, target)) for target in opened.targets if _progress_query(target)]
    try:
        failures = await execute(recorded)
    finally:
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
    for made in opened.maintained.values():
        if made.record is not None:
            made.record.close()
    there = [target for target in opened.targets if target.lost is None]
    await gather_concurrently(there, partial(_end, opened), at_once=MOST_OPEN)
    for made in opened.maintained.values():
        record_results(recorded.ledger, made.results, made.former)
    _tell_gone(opened)
    return failures


def _tell_gone(opened: OpenRun) -> None:
    for made in opened.maintained.values():
        names = [one.name for one in made.results if one.state is ObjectState.GONE]
        if names:
            opened.say(
                f"{counted(len(names), 'object')} gone since the run began ({first_names(names, SHOWN)}): nothing is left to do"
            )


async def finish_maintenance(recorded: RecordedRun, failures: Sequence[Failure]) -> RunSummary:
    """Close the run. What a rebuild has left behind, and this role could not remove, makes its end a failure."""
    made = recorded.opened.maintained.values()
    left = [one for target in made for one in target.left.values()]
    unmoved = [name for target in made for name in target.unmoved]
    reason = (
        f"{counted(len(unmoved), 'object')} reported as done did not move: {first_names(unmoved, SHOWN)}"
        if unmoved
        else ""
    )
    doubtful = [name for target in made for name in target.doubtful]
    if doubtful:
        reason = (
            f"the counters of the server were reset, as a crash does, soon after {counted(len(doubtful), 'object')} had ended, whose "
            f"work may be lost: maintain {first_names(doubtful, SHOWN)} again"
        )
    if left:
        statements = "; ".join(one.drop for one in left[:SHOWN])
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        why = f" ({left[0].missing})" if left[0].missing else ""
        reason = f"{counted(len(left), 'index', 'indexes')} left behind{why}: run {statements}{more}"
    closing = asyncio.create_task(_close_all(recorded.opened))  # servers take as long for it as the ledger for the end
    try:
        summary = await finish(recorded, failures, conflicts=reason)
    finally:
        await closing
    if reason and summary.reason != reason:
        recorded.opened.say(reason)  # something else has decided about the exit code
    return replace(summary, objects=tuple(result for target in made for result in target.results))


async def _close_all(opened: OpenRun) -> None:
    await gather_concurrently(opened.targets, lambda target: target.sessions.close(), at_once=MOST_OPEN)


async def _end(opened: OpenRun, target: OpenTarget) -> None:
    """Update the statistics of the database, and remove what could not be removed before. A failure of this is a notice."""
    made = opened.maintained.get(target.parts[0].spec.number)
    if made is None or not (made.results or opened.resume.record is not None):
        return
    where = f"{target.label}: " if opened.several else ""
    statements = made.catalog.at_end(options_of(opened), made.server)
    leftovers = options_of(opened).command == "reindex" and bool(made.catalog.leftovers)
    if not statements and not leftovers and not made.catalog.needs_notices:
        return
    try:
        connection = await target.sessions.first()
        try:
            for sql in statements if not opened.job.control.draining else ():
                reply = await able(connection).command(sql, timeout_s=None, lock_timeout_s=None)
                for notice in reply.notices:
                    opened.say(f"{where}{sql}: {notice.message}")
            await enter_sizes(connection, made, options_of(opened))
            if leftovers:
                await _remove_left(target, made, connection)
            await _look_again(opened, made, connection)
        except BaseException:
            await connection.close()
            raise
        if opened.several:
            await connection.close()
        else:
            target.sessions.give_back(connection)
    except BulkqError as error:
        opened.say(f"{where}the end of the run could not be completed: {error}")


async def _look_again(opened: OpenRun, made: TargetObjects, connection: Connection) -> None:
    """Ask for the proofs of all objects that were done, and for their sizes. One that did not move is named.

    Before version 15, the counters of a server are up to half a second late.
    """
    options = options_of(opened)
    now: dict[str, ObjectFacts] = {}
    for wait_s in (0.0, 1.0):
        await asyncio.sleep(wait_s)
        if made.rough:
            made.unmoved, made.doubtful = await _unmoved(options, made, connection)
        else:
            found = await list_objects(connection, made.catalog, options, made.server)
            now = {one.object.shown: one for one in found}
            made.unmoved = _with_former_proofs(made, found)
        if not made.unmoved and not made.doubtful:
            break
    for at, result in enumerate(made.results):
        facts = now.get(result.name)
        if facts is not None and result.state is ObjectState.DONE:
            made.results[at] = replace(result, after=facts.values.get("size"))


async def _unmoved(
    options: MaintenanceOptions, made: TargetObjects, connection: Connection
) -> tuple[list[str], list[str]]:
    """The objects that count as done and did not move, by their proofs alone, and those whose proofs cannot tell.

    Most were seen to have moved, with their sizes.
    """
    done = {one.name for one in made.results if one.state is ObjectState.DONE} - made.moved
    wanted = [one for one in made.chosen if one.object.shown in done and one.proof is not None]
    if not wanted:
        return [], []
    rows = await connection.administer([made.catalog.prove_all(options, [one.object for one in wanted])])
    now = {(str(schema), str(name)): str(proof) for schema, name, proof, _ in rows}
    found: dict[bool | None, list[str]] = {False: [], None: [], True: []}
    for one in wanted:
        proof = now.get((one.object.schema, one.object.name))
        if proof is not None and one.proof is not None:
            state = False if proof == one.proof else made.catalog.moved(one.proof, proof)
            # another object that has the name now says nothing of ours
            found[True if state is False and proof != one.proof else state].append(one.object.shown)
    return found[False], found[None]


def _with_former_proofs(made: TargetObjects, found: Sequence[ObjectFacts]) -> list[str]:
    """The objects that count as done and whose proofs are what they were, under whatever names."""
    before = {one.object.shown: one.proof for one in made.listed.values()}
    now = {one.proof for one in found if one.proof is not None}
    done = [one.name for one in made.results if one.state is ObjectState.DONE]
    return [name for name in done if before.get(name) in now]


async def _remove_left(target: OpenTarget, made: TargetObjects, connection: Connection) -> None:
    dialect = dialect_for(dialect_of(target.definition.url))
    found = await new_leftovers(connection, made, dialect, "")
    await remove(connection, made, found, target.parts[0].spec.limits.lock_timeout_s)


def _progress_query(target: OpenTarget) -> str:
    dialect = dialect_for(dialect_of(target.definition.url))
    return dialect.maintenance.progress if dialect.maintenance is not None and target.lost is None else ""


async def _watch(opened: OpenRun, target: OpenTarget) -> None:
    """Put into the progress what the server says of the oldest command. It takes a connection when a command takes long.

    The query is over at once and in a transaction of its own, so no snapshot stays open for which an index would wait.
    """
    dialect = dialect_for(dialect_of(target.definition.url))
    query = _progress_query(target).format(application=dialect.literal(f"bulkq/{opened.run}"))
    connection: Connection | None = None
    done = -1
    try:
        while True:
            await asyncio.sleep(LOOK_S)
            if opened.progress.done != done or opened.progress.state:
                done, opened.progress.doing = opened.progress.done, ""
                continue
            with suppress(BulkqError):
                connection = connection or await target.sessions.first()
                rows = await connection.administer([query])
                opened.progress.doing = f"{rows[0][0]}: {rows[0][1]}" if rows else ""
    finally:
        if connection is not None:
            await connection.close()

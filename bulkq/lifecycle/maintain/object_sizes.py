"""Ask for the sizes of objects, just before and after their command.

The server opens the files of a table and of its indexes for a size. For thousands of tables that takes longer than to list them, and
nothing else could begin meanwhile. So the connections that execute the commands ask, each for its own objects.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, DatabaseError
from bulkq.model import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.model.maintenance import ObjectFacts
    from bulkq.protocols import Connection

PATIENCE_S = 0.1
"""How long a size may wait for another session that has locked the table. It is not worth more."""


async def sizes_before(
    connection: Connection, made: TargetObjects, objects: Sequence[ObjectFacts]
) -> Sequence[float | None]:
    """Bytes of each of `objects`; None if not known.

    Raises:
        DatabaseError: the session was lost, and no command has begun.
    """
    if not made.rough:
        return [one.values.get("size") for one in objects]
    try:
        return await _measure(connection, made, objects)
    except DatabaseError as error:
        if not error.connection_lost:
            return [None] * len(objects)
        error.phase = Phase.PREPARING
        raise


async def sizes_after(
    connection: Connection, made: TargetObjects, objects: Sequence[ObjectFacts], before: Sequence[float | None]
) -> Sequence[float | None]:
    """Bytes of each of `objects`; None if not known, or if they are asked for at the end of the run.

    The command does not change the size of a table without dead rows that was vacuumed once, so that is what it was `before`.
    """
    if not made.rough:
        return [None] * len(objects)
    if not any(map(_may_change, objects)):
        return before
    try:
        return await _measure(connection, made, objects)
    except BulkqError:  # what came of the command is known, and the next one sees whether the session is lost
        return [None] * len(objects)


def _may_change(facts: ObjectFacts) -> bool:
    return facts.values.get("dead") != 0 or facts.values.get("last_vacuum") in {None, inf}


async def _measure(
    connection: Connection, made: TargetObjects, objects: Sequence[ObjectFacts]
) -> Sequence[float | None]:
    query = made.catalog.sizes([one.object for one in objects])
    sizes: list[float | None] = [None] * len(objects)
    for at, size in await connection.administer([query], lock_timeout_s=PATIENCE_S):
        sizes[int(str(at)) - 1] = None if size is None else float(str(size))
    return sizes

"""Find and remove what a rebuild of an index has left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError
from bulkq.lifecycle.maintain.target_objects import able, read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.base import Dialect
    from bulkq.dialects.maintenance_catalog import Leftover
    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.protocols import Connection


async def new_leftovers(connection: Connection, made: TargetObjects, dialect: Dialect, table: str) -> list[Leftover]:
    """What was left behind on a table, or on any if it is "", since the run began."""
    if not made.catalog.leftovers:
        return []
    literal = dialect.literal(table) if table else "NULL::text"
    rows = await read_rows(connection, made.catalog.leftovers.format(table=literal))
    before = {(one.schema, one.name) for one in made.before}
    return [one for one in made.catalog.read_leftovers(rows, made.server) if (one.schema, one.name) not in before]


async def remove(
    connection: Connection, made: TargetObjects, found: Sequence[Leftover], lock_timeout_s: float | None
) -> list[Leftover]:
    """Drop leftovers as far as the role may. Return those that stay, which are kept in `made.left`.

    Each waits for at most `lock_timeout_s` for transactions that use its table. It is tried again at the end of the run.
    """
    stay: list[Leftover] = []
    for one in found:
        if not one.missing and await _dropped(connection, one, lock_timeout_s):
            made.left.pop(one.drop, None)
        else:
            made.left[one.drop] = one
            stay.append(one)
    return stay


async def _dropped(connection: Connection, one: Leftover, lock_timeout_s: float | None) -> bool:
    """Drop one. It is of no use, so one that a timeout leaves half dropped does no more harm than before."""
    try:
        await able(connection).command(one.drop, timeout_s=None, lock_timeout_s=lock_timeout_s)
    except DatabaseError as error:
        if error.connection_lost:
            raise
        return False
    return True

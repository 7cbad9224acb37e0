"""Which notices about a table matter for a change of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

TRIGGER, PARTITIONED, REFERENCE = "trigger ", "partitioned by ", " refers to it"
"""How notices about triggers and partitions begin, and what those about foreign keys hold."""


def fitting_notices(notices: Sequence[str], *, deletes: bool) -> tuple[str, ...]:
    """The notices without those about the other event: of a foreign key and of a trigger that act on DELETE alone, or on UPDATE alone.

    Args:
        notices: of the table.
        deletes: rows are deleted; else they are updated.
    """
    moves = any(notice.startswith(PARTITIONED) for notice in notices)  # by an UPDATE, which deletes and inserts the row
    return tuple(notice for notice in notices if _matters(notice, "DELETE" if deletes else "UPDATE", moves=moves))


def _matters(notice: str, event: str, *, moves: bool) -> bool:
    if notice.startswith(TRIGGER):
        return event in notice or moves
    if REFERENCE in notice:
        return event == "DELETE" or "ON UPDATE" in notice
    return True

"""Find out whether triggers and rules give rows of a backfill other keys, so that they would be changed twice."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.dialects.moved_keys import END, FAR, NEAR, moved_key_texts
from bulkq.lifecycle.backfill.range_batches import NO_GUARD, RangeGuard
from bulkq.query import inline
from bulkq.sources.key_range_source import KEY_MOVES

if TYPE_CHECKING:
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.model.key_range import RangeForm, TableKey
    from bulkq.protocols import Connection


async def trigger_texts(connection: Connection, dialect: str) -> list[tuple[str, str, str]]:
    """Name, table and text of all triggers, where their texts tell all that they do; [] elsewhere.

    Raises:
        DatabaseError: the catalog cannot be read.
    """
    catalog = dialect_for(dialect).tables
    if catalog is None or not catalog.triggers:
        return []
    rows = await connection.administer([catalog.triggers])
    return [(str(name), str(table), str(text)) for name, table, text in rows]


def guard_keys(made: TableBackfill, dialect: str, *, follows: bool) -> None:
    """Let each range look whether its rows are behind it afterwards, if triggers or rules of the table act on UPDATE.

    Args:
        made: the table, not empty.
        dialect: of the database.
        follows: ranges follow rows that are inserted behind the upper end.
    """
    acting = (one for one in made.facts.notices if one.startswith(("trigger ", "rule ")))
    if not any("UPDATE" in one for one in acting):
        return
    key, known = made.facts.key, dialect_for(dialect)

    @cache
    def texts(form: RangeForm, rows: int) -> RangeGuard:
        found = moved_key_texts(key, form, known, rows=rows, bounded=not follows)
        before, after = (
            [inline(f"-- name: {KEY_MOVES}\n{text}", dialect) for text in part] for part in (found.before, found.after)
        )
        return RangeGuard(tuple(before), tuple(after)) if after else NO_GUARD

    assert made.end is not None
    made.batches.guard(lambda form, number: texts(form, NEAR if number & (number - 1) else FAR), {END: made.end[0]})


def is_in_key(key: TableKey, name: str) -> bool:
    """Whether a column is one of `key`, without case."""
    return any(name.lower() in map(str.lower, (one.name, *one.aliases)) for one in key.columns)

"""Ranges that stand for all of a table: positions spread over its key, and ranges behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for, key_ranges
from bulkq.dialects.key_ranges import conversion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.model.key_range import KeyRange, Position

SAMPLED_BYTES = 4_000_000
"""Of a table, about 500 pages: they give some ten thousand keys, in less than a second also from a disk."""

FINER = 4
"""Keys of the sample for each position that is chosen of them."""

HOPS = 4
"""Ranges that are cut behind a position, until one has the rows that were asked for: first comes the rest of its group."""


async def spread(made: TableBackfill, parts: int, dialect: str, *, walk: bool = True) -> list[Position]:
    """Positions between the ends of the key space, ascending, with about the same number of rows between them.

    Where the database can sample pages, a sample gives them; else all keys are read once.

    Args:
        made: the table, not empty.
        parts: how many positions, about.
        dialect: of the database.
        walk: False: give none where all keys would be read.

    Raises:
        DatabaseError: a query failed.
    """
    known = dialect_for(dialect)
    if conversion(known).sample:
        size = made.facts.size or (made.facts.rows or 0) * 100
        percent = min(100.0, 100.0 * SAMPLED_BYTES / size) if size > 0 else 100.0
        query = key_ranges.sample_query(made.facts.key, percent, FINER * (parts + 1), known)
        rows = await made.cutter.administer([query])
        found = [tuple(map(str, row)) for row in rows if None not in row]
        chosen = [found[n * len(found) // (parts + 1)] for n in range(1, parts + 1)] if found else []
        return list(dict.fromkeys(chosen))
    return await _walk(made, parts) if walk else []


async def _walk(made: TableBackfill, parts: int) -> list[Position]:
    assert made.end is not None
    rows = await made.cutter.administer([f"SELECT count(*) FROM {made.facts.key.table}"])
    step = max(1, int(str(rows[0][0])) // (parts + 1))
    found: list[Position] = []
    after = made.start
    while len(found) < parts and (cut := await made.cutter.next_range(after, made.end, step)) is not None:
        after = cut.upto
        if after != made.end:
            found.append(after)
    return found


async def range_behind(made: TableBackfill, after: Position, rows: int, end: Position | None = None) -> KeyRange | None:
    """A range behind `after` of about `rows` rows that does not pass `end`; the largest of a few, if groups of the key are small.

    None if no row is left. Without `end`, the end of the key space is meant.

    Raises:
        DatabaseError: a query failed.
    """
    end = end or made.end
    assert end is not None
    best: KeyRange | None = None
    for _ in range(HOPS):
        cut = await made.cutter.next_range(after, end, rows)
        if cut is None:
            break
        best = cut if best is None or cut.rows > best.rows else best
        if 2 * cut.rows >= rows:
            break
        after = cut.upto
    return best


async def example_ranges(made: TableBackfill, rows: int, dialect: str) -> list[tuple[str, KeyRange]]:
    """The first, a middle and the last range of the key, each with its name; fewer of a table that is not so long.

    Raises:
        DatabaseError: a query failed.
    """
    first = await made.cutter.next_range(made.start, made.end, rows) if made.end is not None else None
    if first is None:
        return []
    positions = await spread(made, 64, dialect, walk=False) or [first.upto]
    found = [("first", first)]
    for name, after in (("middle", positions[len(positions) // 2]), ("last", positions[-1])):
        cut = await range_behind(made, after, rows)
        if cut is not None and cut.upto not in {one.upto for _, one in found}:
            found.append((name, cut))
    return _last_is_last(found, made)


def _last_is_last(found: Sequence[tuple[str, KeyRange]], made: TableBackfill) -> list[tuple[str, KeyRange]]:
    """Name the range last that ends where the key ends."""
    return [("last" if one.upto == made.end and len(found) > 1 else name, one) for name, one in found]

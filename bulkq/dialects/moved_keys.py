"""The steps by which a range finds that a trigger or a rule gives rows other keys: they would be changed again in a later range.

A step that reads has to give no row. PostgreSQL knows which rows a transaction has written: no row behind the range may be one of
them. It looks at the next rows alone, because the rest of the table may be large. MySQL and MariaDB do not know it, but no trigger
there deletes rows of its own table: if a range has fewer rows than before, some were moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.key_ranges import condition, conversion
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.base import Dialect
    from bulkq.model.key_range import RangeForm, TableKey

NEAR, FAR = 1_000, 50_000
"""Rows behind a range that are looked at: for every range, and for those whose number is a power of two."""

END = "bulkq_end"
"""The parameter with the first column of the upper end."""


@frozen
class MovedKeyTexts:
    """The statements of a range, in the transaction of its change.

    Attributes:
        before: executed ahead of the change.
        after: executed behind it; each has to give no row.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def moved_key_texts(key: TableKey, form: RangeForm, dialect: Dialect, *, rows: int, bounded: bool) -> MovedKeyTexts:
    """The statements for a form of range; none if the database has other means, see `query.trigger_assignments`.

    Args:
        key: of the table.
        form: of the range.
        dialect: of the database.
        rows: behind the range that are looked at.
        bounded: rows whose first key column is above `:bulkq_end` do not count: no range reaches them.
    """
    catalog = dialect.tables
    if catalog is None:
        return MovedKeyTexts()
    if catalog.written:
        return MovedKeyTexts(after=tuple(_written_behind(key, form, dialect, catalog.written, rows, bounded=bounded)))
    if catalog.keep_count:
        count = f"SELECT count(*) FROM {key.table} WHERE {condition(key, form, dialect)} FOR UPDATE"
        return MovedKeyTexts((catalog.keep_count.format(count=count),), (catalog.fewer.format(count=count),))
    return MovedKeyTexts()


def _written_behind(
    key: TableKey, form: RangeForm, dialect: Dialect, written: str, rows: int, *, bounded: bool
) -> Sequence[str]:
    """Queries for rows behind the range that its transaction has written: of its group, and of those behind that."""
    equal = [_compared(key, place, "=", f":bulkq_{place + 1}", dialect) for place in range(form.level)]
    found = []
    if form.upper:
        found.append((form.level, [*equal, _compared(key, form.level, ">", ":bulkq_hi", dialect)]))
    if form.level:
        found.append((0, [_compared(key, 0, ">", ":bulkq_1", dialect)]))
    return [_query(key, level, terms, dialect, written, rows, bounded=bounded) for level, terms in found]


def _query(
    key: TableKey, level: int, terms: Sequence[str], dialect: Dialect, written: str, rows: int, *, bounded: bool
) -> str:
    """A query that gives one row if one of the next rows that match `terms` is of the transaction.

    The upper end is compared outside of the LIMIT, as in `key_ranges.page_query`.
    """
    names = [dialect.identifier(column.name) for column in key.columns]
    order = conversion(dialect).reference(names[level], key.columns[level])
    inner = (
        f"SELECT {names[0]} AS bulkq_k0, {written} AS bulkq_mine FROM {conversion(dialect).table(key)} "
        f"WHERE {' AND '.join(terms)} ORDER BY {order} LIMIT {rows}"
    )
    found = conversion(dialect)
    upper = (
        f" AND {found.reference('bulkq_k0', key.columns[0])} <= {found.value(f':{END}', key.columns[0])}"
        if bounded and not level
        else ""
    )
    return f"SELECT 1 FROM ({inner}) AS bulkq_behind WHERE bulkq_mine{upper} LIMIT 1"


def _compared(key: TableKey, place: int, operator: str, text: str, dialect: Dialect) -> str:
    column, found = key.columns[place], conversion(dialect)
    return f"{found.reference(dialect.identifier(column.name), column)} {operator} {found.value(text, column)}"

"""Compute the row keys of parameter sets: which parameters count, and how their values compare.

Two sets that may change the same row have equal keys. The other way round it need not hold.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from bulkq.dialects import parameter_equality
from bulkq.dialects.parameter_equality import ANY, CERTAIN
from bulkq.dialects.row_key_catalog import ParameterUse
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.dialects.row_key_catalog import CatalogColumn, CatalogTable, Keys, Values
    from bulkq.query.key_columns_of_write import KeyColumns


@frozen
class RowKey:
    """Parameters that together name a row: `names` are the columns, `parameters` the indexes, `keys` compare them."""

    names: tuple[str, ...]
    parameters: tuple[int, ...]
    keys: tuple[Keys, ...]

    @property
    def compared(self) -> bool:
        """Whether something is known of how values compare; else every set may change the row of every other."""
        return any(keys is not parameter_equality.anything for keys in self.keys)

    def of(self, sets: Sequence[tuple[object, ...]]) -> Values:
        """A key for each of `sets`."""
        columns = [keys(list(map(itemgetter(i), sets))) for i, keys in zip(self.parameters, self.keys, strict=True)]
        if len(columns) == 1:
            return columns[0]
        rows = list(zip(*columns, strict=True))
        return [ANY if ANY in row else row for row in rows] if any(ANY in column for column in columns) else rows


@frozen
class RowKeyTypes:
    """The types of the parameters: `types` as the server reports them, "" if unknown; `declared` in the query.

    `keys` says how their values compare in the database.
    """

    types: Sequence[str]
    declared: Sequence[str | None]
    keys: Callable[[CatalogColumn, ParameterUse], Keys]


def find_row_keys(key: KeyColumns, table: CatalogTable, source: RowKeyTypes) -> tuple[RowKey, ...] | None:
    """The groups of parameters that name rows; sets change no row in common unless one of these is equal. None: not known."""
    if key.inserts:
        return _inserted(key, table, source)
    known = [(column, i) for column, i in key.values if i is not None and column in table.columns]
    usable = [(table.columns[column], i) for column, i in known if not table.columns[column].computed]
    group = _group(key, usable, source)
    return None if group is None else (group,)


def _inserted(key: KeyColumns, table: CatalogTable, source: RowKeyTypes) -> tuple[RowKey, ...] | None:
    """A group for each unique index; if one may find equal what is not seen, None, unless ON CONFLICT names the one that counts."""
    if table.rewritten:
        return None
    values = dict(key.values)
    if "" in values or len(values) < len(key.values):
        values = dict(zip(table.columns, (i for _, i in key.values), strict=False))
    chosen = set(key.conflict)
    found: list[RowKey] = []
    unseen = False
    for index in table.unique:
        group = None if index is None else _indexed(key, index, values, table, source)
        if group is not None and index is not None:
            found.insert(0 if chosen == set(index) else len(found), group)
        elif index is None or not _apart(index, values, table):
            unseen = True
    if chosen:
        return tuple(found) if found and chosen.issuperset(found[0].names) else None
    return None if unseen else tuple(found)


def _indexed(
    key: KeyColumns, index: tuple[str, ...], values: Mapping[str, int | None], table: CatalogTable, source: RowKeyTypes
) -> RowKey | None:
    if key.assigned.intersection(index) or any(table.columns[name].computed for name in index):
        return None
    given = [(table.columns[name], i) for name in index if (i := values.get(name)) is not None]
    return _group(key, given, source) if given else None


def _apart(index: tuple[str, ...], values: Mapping[str, int | None], table: CatalogTable) -> bool:
    """Whether rows never meet in `index`, because a column of it gets a value of its own in each."""
    return any(name not in values and table.columns[name].filled for name in index)


def _group(key: KeyColumns, columns: Sequence[tuple[CatalogColumn, int]], source: RowKeyTypes) -> RowKey | None:
    if not columns:
        return None
    found = [
        (
            column.name,
            i,
            source.keys(column, ParameterUse(source.types[i], source.declared[i], i in key.cast, key.inserts)),
        )
        for column, i in columns
    ]
    certain = [one for one in found if one[2] in CERTAIN]
    names, parameters, keys = zip(*(certain or found), strict=True)
    return RowKey(names, parameters, keys)

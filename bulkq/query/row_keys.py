"""From what names the rows of a set to keys of the sets: the parameters that count, and how their values are compared.

Two sets that may change the same row have equal keys. The other way round it need not hold.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from bulkq.model.dataclass import frozen
from bulkq.query import equality
from bulkq.query.equality import ANY, CERTAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.query.equality import Keys, Values
    from bulkq.query.key_columns import KeyColumns

WORDS = frozenset({"text", "character varying", "character"})
NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric"})
POSTGRES: Mapping[str, Keys] = {
    "smallint": equality.integers,
    "integer": equality.integers,
    "bigint": equality.integers,
    "oid": equality.integers,
    "numeric": equality.numbers,
    "double precision": equality.doubles,
    "text": equality.texts,
    "character varying": equality.padded,
    "character": equality.padded,
    "citext": equality.folded,
    "enum": equality.texts,
    "uuid": equality.uuids,
    "boolean": equality.booleans,
    "date": equality.dates,
    "timestamp without time zone": equality.moments,
    "timestamp with time zone": equality.instants,
    "bytea": equality.binaries,
}
"""PostgreSQL's types, by the name that `format_type` gives them -> how their values are compared."""

ROUNDED = frozenset({"numeric", "timestamp without time zone", "timestamp with time zone"})
"""Types whose values an assignment may round to the column's precision."""

MYSQL: Mapping[str, Keys] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), equality.whole),
    "decimal": equality.rounded,
    "date": equality.dates,
    "uuid": equality.uuids,
}
MYSQL_TEXT = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum"})
FOLDED = ("general_ci", "general_mysql500_ci", "unicode_ci", "unicode_520_ci", "0900_ai_ci", "general_nopad_ci")
"""Ends of the collations in which two visible ASCII texts are equal when case and trailing blanks are put aside.

Collations of languages know more equal letters.
"""


@frozen
class CatalogColumn:
    """A column of a table, as the catalog describes it.

    Attributes:
        name: as the database folds it.
        type: its type, of a domain the one below; "enum" of an enum.
        declared: the type as it is called.
        length: characters, or the precision of other types; 0 where none is declared.
        collation: of text; "" where equal means the same characters.
        computed: its value follows from other columns, or changes by itself.
        filled: where an INSERT leaves it out it gets a value that no other row has, or NULL.
    """

    name: str
    type: str
    declared: str = ""
    length: int = 0
    collation: str = ""
    computed: bool = False
    filled: bool = True


@frozen
class CatalogTable:
    """A table, as the catalog describes it; `unique` are the columns of its unique indexes, None for an expression."""

    columns: Mapping[str, CatalogColumn]
    unique: tuple[tuple[str, ...] | None, ...] = ()
    rewritten: bool = False
    """Triggers may change the values before an INSERT stores them."""


@frozen
class RowKey:
    """Parameters that together name a row: `names` are the columns, `parameters` the indexes, `keys` compare them."""

    names: tuple[str, ...]
    parameters: tuple[int, ...]
    keys: tuple[Keys, ...]

    @property
    def compared(self) -> bool:
        """Whether something is known of how values compare; else every set may change the row of every other."""
        return any(keys is not equality.anything for keys in self.keys)

    def of(self, sets: Sequence[tuple[object, ...]]) -> Values:
        """A key for each of `sets`."""
        columns = [keys(list(map(itemgetter(i), sets))) for i, keys in zip(self.parameters, self.keys, strict=True)]
        if len(columns) == 1:
            return columns[0]
        rows = list(zip(*columns, strict=True))
        return [ANY if ANY in row else row for row in rows] if any(ANY in column for column in columns) else rows


@frozen
class RowKeyTypes:
    """The types of the parameters: `types` as the server reports them, "" if unknown; `declared` in the query."""

    types: Sequence[str]
    declared: Sequence[str | None]
    mysql: bool = False


def groups(key: KeyColumns, table: CatalogTable, source: RowKeyTypes) -> tuple[RowKey, ...] | None:
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
    found = [(column.name, i, _keys(key, column, i, source)) for column, i in columns]
    certain = [one for one in found if one[2] in CERTAIN]
    names, parameters, keys = zip(*(certain or found), strict=True)
    return RowKey(names, parameters, keys)


def _keys(key: KeyColumns, column: CatalogColumn, parameter: int, source: RowKeyTypes) -> Keys:
    if source.mysql:
        return _mysql(column, inserts=key.inserts)
    declared = source.declared[parameter]
    free = parameter not in key.cast and declared is None
    found = source.types[parameter]
    kind = column.type if found in {"", column.type, column.declared} and (free or found != column.declared) else found
    if kind != column.type and not _akin(kind, column.type):
        return equality.anything
    if not free and (kind == "character" or found == "" or "(" in (declared or "")):
        return equality.anything  # an explicit cast cuts
    if key.inserts and column.length and column.type in ROUNDED:
        return equality.whole if column.type == "numeric" and not column.length - 4 & 0x400 else equality.anything
    if column.collation and kind in WORDS:
        return equality.anything
    return POSTGRES.get(kind, equality.anything)


def _akin(one: str, other: str) -> bool:
    """Whether values of both types are compared without losing a difference."""
    return {one, other} <= NUMBERS or {one, other} <= WORDS or (one in WORDS and other == "citext")


def _mysql(column: CatalogColumn, *, inserts: bool) -> Keys:
    keys = MYSQL.get(column.type, equality.anything)
    if column.type in MYSQL_TEXT:
        if column.collation.endswith("_bin"):
            keys = equality.padded
        elif column.collation.endswith(FOLDED) or column.collation == "latin1_swedish_ci":
            keys = equality.folded
        if inserts and column.length:
            keys = equality.bounded(keys, column.length)
    return keys

"""How a database describes its tables, and how the values of their columns compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bulkq.model.frozen_dataclass import frozen

Values = Sequence[object]
"""A column of parameter values."""

Keys = Callable[[Values], Values]
"""A column of values -> a column of keys; NULL stays None."""

Rows = Sequence[Sequence[object]]


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
class ParameterUse:
    """A parameter that names a row by the value of a column.

    Attributes:
        type: as the server reports it; "" if unknown.
        declared: in the query.
        cast: the text of the statement casts it.
        inserts: it is stored in the column, not compared with it.
    """

    type: str
    declared: str | None
    cast: bool
    inserts: bool


@frozen
class RowKeyCatalog:
    """How to ask for a table.

    Attributes:
        queries: with `{name}`, the quoted name as a literal, or `{schema}` and `{table}`, each as a literal or an expression. The
            first gives no row if there is no such table.
        table: of the answers to all queries.
        keys: how the values of a parameter compare.
    """

    queries: tuple[str, ...]
    table: Callable[[Sequence[Rows]], CatalogTable]
    keys: Callable[[CatalogColumn, ParameterUse], Keys]


def plain(value: object) -> str:
    """The text of a value of the catalog, which may come as bytes; "" for NULL."""
    return value.decode() if isinstance(value, bytes | bytearray) else "" if value is None else str(value)

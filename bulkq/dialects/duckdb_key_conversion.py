"""Key columns of DuckDB as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.key_conversion import KeyConversion

if TYPE_CHECKING:
    from bulkq.model.key_range import KeyColumn, TableKey


def text(value: str, column: KeyColumn) -> str:  # noqa: ARG001
    """The text of a value."""
    return f"CAST({value} AS VARCHAR)"


def value(text: str, column: KeyColumn) -> str:
    """The value of a text."""
    return f"CAST({text} AS {column.type})"


def ordered(text: str, column: KeyColumn, key: TableKey) -> str:  # noqa: ARG001
    """The value, in the order of `reference`."""
    return reference(value(text, column), column)


def reference(name: str, column: KeyColumn) -> str:
    """Text by its bytes, whatever the collation: an index holds texts that differ, also where a collation says that they are equal."""
    return f"{name} COLLATE C" if column.type.upper() == "VARCHAR" else name


KEYS = KeyConversion(text=text, value=value, ordered=ordered, reference=reference)

"""Key columns of PostgreSQL as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.key_conversion import KeyConversion, collated

if TYPE_CHECKING:
    from bulkq.model.key_range import KeyColumn, TableKey

DATED = ("date", "timestamp")
"""How the types begin whose text depends on DateStyle. JSON has them in ISO 8601, which every DateStyle reads."""

SETTINGS = (
    "SELECT set_config(name, 'off', false) FROM pg_catalog.pg_settings "
    "WHERE name IN ('enable_seqscan', 'enable_bitmapscan', 'enable_sort', 'enable_incremental_sort', 'jit')"
)
"""A boundary reads the first rows of an index, in its order. Where statistics are old, and in generic plans, which do not know the
size of a group, the planner may prefer to read all the rest of a table or of a group, and to sort it, for every single boundary.
Before PostgreSQL 18, a plan with a node that is switched off seems so expensive that it is compiled first.

Without them, as behind a transaction pooler, boundaries are the same: every query has its whole order in ORDER BY. They may be slower."""


def text(value: str, column: KeyColumn) -> str:
    """The text of a value, which the type's input function reads."""
    return f"(to_json({value}) #>> '{{}}')" if column.type.startswith(DATED) else f"({value})::text"


def value(text: str, column: KeyColumn) -> str:
    """The text in the type of the key, without a length, so nothing is cut.

    The type is not left to the server: if the column gets a type of another order, the statement has to fail.
    """
    return f"{text}::{column.type}"


def ordered(text: str, column: KeyColumn, key: TableKey) -> str:
    """The text as the type; beside a value of the column, which has its collation."""
    column_value = f"(SELECT {collated(_quoted(column.name), column)} FROM {key.table} LIMIT 0)"
    return f"coalesce({column_value}, {text}::{column.type})"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


KEYS = KeyConversion(
    text=text,
    value=value,
    ordered=ordered,
    settings=SETTINGS,
    sample="TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1)",
)

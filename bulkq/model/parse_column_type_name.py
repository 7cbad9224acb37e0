"""What the name of a column's type says: `numeric(20,4)[]` is a list of decimals with 20 digits, 4 of them behind the point. Pure.

Names are those of `Column.type`. A name that is not listed is text; no name at all (`FormKind.VALUES`) leaves it to the values.
"""

from __future__ import annotations

import re
from enum import StrEnum

from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late

MOST_DIGITS = 76
"""Digits of the widest decimal that columnar files have."""

DECIMAL = compile_late(r"(?:numeric|decimal|dec)\((\d+)(?:, ?(-?\d+))?\)")
ARRAY = compile_late(r"(.*\S) ?\[\d*\]", re.DOTALL)


class FormKind(StrEnum):
    """The kinds of columns that a columnar file holds."""

    VALUES = "values"  # no declared type: the values decide
    BOOL = "bool"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT = "float"  # 4 bytes
    DOUBLE = "double"
    DECIMAL = "decimal"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIME = "time"  # microseconds
    TIMESTAMP = "timestamp"  # microseconds, without a zone
    INSTANT = "instant"  # microseconds, UTC
    UUID = "uuid"
    LIST = "list"


@frozen
class ColumnForm:
    """The form of one column."""

    kind: FormKind
    precision: int = 0  # of a decimal: digits in all
    scale: int = 0  # of a decimal: digits behind the point
    items: ColumnForm | None = None  # of a list
    notice: str = ""  # why it is text, if a user would expect a number


NAMES = {
    **dict.fromkeys(("bool", "boolean"), FormKind.BOOL),
    **dict.fromkeys(("tinyint", "int1"), FormKind.INT8),
    **dict.fromkeys(("smallint", "int2"), FormKind.INT16),
    **dict.fromkeys(("integer", "int", "int4", "mediumint"), FormKind.INT32),
    **dict.fromkeys(("bigint", "int8"), FormKind.INT64),
    **dict.fromkeys(("utinyint", "tinyint unsigned"), FormKind.UINT8),
    **dict.fromkeys(("usmallint", "smallint unsigned"), FormKind.UINT16),
    **dict.fromkeys(("uinteger", "int unsigned", "mediumint unsigned", "oid"), FormKind.UINT32),
    **dict.fromkeys(("ubigint", "bigint unsigned"), FormKind.UINT64),
    **dict.fromkeys(("real", "float4", "float"), FormKind.FLOAT),
    **dict.fromkeys(("double precision", "float8", "double"), FormKind.DOUBLE),
    **dict.fromkeys(("bytea", "blob", "varbinary", "binary"), FormKind.BINARY),
    "date": FormKind.DATE,
    **dict.fromkeys(("time", "time without time zone"), FormKind.TIME),
    **dict.fromkeys(("timestamp", "timestamp without time zone", "datetime"), FormKind.TIMESTAMP),
    **dict.fromkeys(("timestamptz", "timestamp with time zone"), FormKind.INSTANT),
    "uuid": FormKind.UUID,
}

WIDE = {"hugeint": 39, "uhugeint": 39}
"""Integers of 128 bits, by the digits of the largest."""

VALUES = ColumnForm(FormKind.VALUES)
TEXT = ColumnForm(FormKind.TEXT)


def column_form(name: str) -> ColumnForm:
    """The form of a column whose type has this name; "" where the database has none."""
    kind = " ".join(name.lower().split())
    if not kind:
        return VALUES
    array = ARRAY.fullmatch(kind)
    if array is not None:
        if array[1] == "box":  # separates its elements by `;`
            return TEXT
        items = column_form(array[1])
        return ColumnForm(FormKind.LIST, items=items, notice=items.notice)
    decimal = DECIMAL.fullmatch(kind)
    if decimal is not None:
        return _decimal(int(decimal[1]), int(decimal[2] or 0))
    if kind in WIDE:
        return ColumnForm(FormKind.DECIMAL, WIDE[kind])
    if kind in {"numeric", "decimal"}:
        return ColumnForm(FormKind.TEXT, notice="no declared precision")
    return ColumnForm(NAMES.get(_bare(kind), FormKind.TEXT))


def _decimal(precision: int, scale: int) -> ColumnForm:
    """Digits before the point that a negative scale stands for, or behind it that the precision does not count, are added."""
    digits = max(precision - min(scale, 0), scale)
    if digits > MOST_DIGITS:
        return ColumnForm(FormKind.TEXT, notice=f"more than {MOST_DIGITS} digits")
    return ColumnForm(FormKind.DECIMAL, digits, max(scale, 0))


def _bare(kind: str) -> str:
    """`timestamp with time zone` of `timestamp(3) with time zone`."""
    return re.sub(r" ?\(\d+\)", "", kind)

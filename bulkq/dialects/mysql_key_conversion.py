"""Key columns of MySQL and MariaDB as text. Types are those of `information_schema`, with or without their lengths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.dialects.key_conversion import KeyConversion
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from bulkq.model.key_range import KeyColumn, TableKey

INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "integer", "bigint"})
NUMBERED = frozenset({"enum", "set", "bit", "year"})
"""Types whose order is that of a number, which `+ 0` gives."""

BINARY = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
CASTS = {
    "float": "DOUBLE",
    "double": "DOUBLE",
    "date": "DATE",
    "datetime": "DATETIME(6)",
    "timestamp": "DATETIME(6)",
    "time": "TIME(6)",
    "uuid": "UUID",
    "inet4": "INET4",
    "inet6": "INET6",
    **dict.fromkeys(NUMBERED, "UNSIGNED"),
}

DECIMAL = compile_late(r"\(\s*\d+\s*(?:,\s*\d+\s*)?\)")
IN_ORDER = "^(.{14}[0-7].{4}[89ab].*|[-0]+|[-f]+)$"
"""A uuid of a version up to 7 and of the variant of RFC 9562, or all zeros, or all ones."""

WIDEST = "(65,30)"
"""Of a decimal whose length is not known. It has no room for more than 35 digits in front of the point."""


def text(value: str, column: KeyColumn) -> str:
    """The text of a value, in which no digit and no byte is lost."""
    kind = _kind(column)
    if kind in BINARY:
        return f"HEX({value})"
    if kind in TEXTS:
        return f"CONVERT({value} USING utf8mb4)"
    if kind == "float":  # a float alone is written with six digits
        return f"CAST({value} + 0e0 AS CHAR)"
    return f"CAST({value} + 0 AS CHAR)" if kind in NUMBERED else f"CAST({value} AS CHAR)"


def value(text: str, column: KeyColumn) -> str:
    """The value of a text, in the type of the column, so that its index is used and numbers are not compared as floats."""
    kind = _kind(column)
    if kind in BINARY:
        return f"UNHEX({text})"
    if kind in TEXTS:
        charset = column.collation.partition("_")[0]
        return f"CONVERT({text} USING {charset}) COLLATE {column.collation}" if charset else text
    if kind in INTEGERS:
        return f"CAST({text} AS {'UNSIGNED' if 'unsigned' in column.type.lower() else 'SIGNED'})"
    if kind in {"decimal", "numeric"}:
        found = DECIMAL.search(column.type)
        return f"CAST({text} AS DECIMAL{found[0] if found else WIDEST})"
    return f"CAST({text} AS {CASTS[kind]})" if kind in CASTS else text


def ordered(text: str, column: KeyColumn, key: TableKey) -> str:  # noqa: ARG001
    """The value, which has the collation of the column."""
    return value(text, column)


def reference(name: str, column: KeyColumn) -> str:  # noqa: ARG001
    """The column itself: an index has the collation of its column."""
    return name


def table(key: TableKey) -> str:
    """The table by the index of the key: with LIMIT, the optimizer prefers other indexes at times."""
    escaped = key.index.replace("`", "``")
    return f"{key.table} FORCE INDEX (`{escaped}`)" if key.index else key.table


def misplaced(key: TableKey) -> str:
    """A query for a uuid that MariaDB may not find again in the order of an index; "" for a key without one.

    It orders versions up to 5 in another way than later ones. With versions or variants beside those of `IN_ORDER`, such as hashes that
    were cast from binary, the comparison is no order: a range leaves some of its rows out.
    """
    texts = [f"CAST({_quoted(column.name)} AS CHAR)" for column in key.columns if _kind(column) == "uuid"]
    tests = [f"{one} NOT REGEXP '{IN_ORDER}'" for one in texts]
    return (
        f"SELECT CONCAT_WS(', ', {', '.join(texts)}) FROM {key.table} WHERE {' OR '.join(tests)} LIMIT 1"
        if texts
        else ""
    )


def _quoted(name: str) -> str:
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


def _kind(column: KeyColumn) -> str:
    """The type without length and attributes."""
    words = re.findall(r"\w+", column.type.lower())
    return words[0] if words else ""


KEYS = KeyConversion(text=text, value=value, ordered=ordered, reference=reference, table=table, misplaced=misplaced)

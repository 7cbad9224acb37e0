"""Key columns of SQLite as text: any value may have any type, so the text begins with the type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.key_conversion import KeyConversion, collated

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model.key_range import KeyColumn, TableKey


def text(value: str, column: KeyColumn) -> str:
    """`i:`, `r:`, `b:` or `t:` and the value. Only columns for blobs need `unhex`, which came with SQLite 3.41.

    `printf` gives `Inf` and `-Inf`, which CAST reads as 0: https://sqlite.org/lang_expr.html#castexpr.
    """
    blob = f"'b:' || hex({value})" if holds_blobs(column.type) else "NULL"
    real = f"CASE {value} WHEN 9e999 THEN '9e999' WHEN -9e999 THEN '-9e999' ELSE printf('%!.17g', {value}) END"
    return (
        f"CASE typeof({value}) WHEN 'integer' THEN 'i:' || {value} WHEN 'real' THEN 'r:' || {real} "
        f"WHEN 'blob' THEN {blob} ELSE 't:' || {value} END"
    )


def value(text: str, column: KeyColumn) -> str:
    """The value of such a text. The expression has no affinity, so the value keeps its type.

    `substr` ends a text at a NUL, but not a BLOB. Two characters have four bytes in a database in UTF-16.
    """
    rest = f"substr({text}, 3)"
    whole = f"CAST(substr(CAST({text} AS BLOB), length(CAST('t:' AS BLOB)) + 1) AS TEXT)"
    blob = f"WHEN 'b:' THEN unhex({rest}) " if holds_blobs(column.type) else ""
    return (
        f"CASE substr({text}, 1, 2) WHEN 'i:' THEN CAST({rest} AS INTEGER) WHEN 'r:' THEN CAST({rest} AS REAL) "
        f"{blob}ELSE {whole} END"
    )


def ordered(text: str, column: KeyColumn, key: TableKey) -> str:  # noqa: ARG001
    """The value, by the collation of the key."""
    return collated(f"({value(text, column)})", column)


def literal(text: str, quote: Callable[[str], str]) -> str:
    """The value of such a text, as people type it."""
    kind, rest = text[:2], text[2:]
    if kind == "b:":
        return f"X'{rest}'"
    return quote(rest) if kind == "t:" else rest


def holds_blobs(declared: str) -> bool:
    """Whether a column of this type has no affinity: https://sqlite.org/datatype3.html#determination_of_column_affinity."""
    return not declared or "BLOB" in declared.upper()


KEYS = KeyConversion(text=text, value=value, ordered=ordered, literal=literal)

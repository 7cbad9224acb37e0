r"""DuckDB: texts that it would convert to other bytes than bulkq and PostgreSQL mean by them, and the parameters they may harm.

Bytes are written as `\x00ff`. DuckDB writes them as `\x00\xff`, and reads `\x00ff` as the byte 00 and the text `ff`. Within a list or a
struct, a backslash means something else again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.duckdb_bound_plan import type_name
from bulkq.dialects.duckdb_integer_text import converted_places
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bulkq.dialects.duckdb_bound_plan import Node

HEXADECIMAL = compile_late(r"\\x((?:[0-9a-fA-F]{2})*)")
"""Bytes as bulkq writes them. DuckDB reads one byte alike."""

AMBIGUOUS = (
    "may be bytes as DuckDB writes them, or hexadecimal digits: declare the parameter as blob for digits, "
    "or write \\x before each byte"
)
INSIDE = "has \\x inside a list or a struct, of which DuckDB makes other bytes: give the digits alone, and use unhex() in the query"


def places(answer: str) -> tuple[frozenset[int], frozenset[int]]:
    """The marked places whose value DuckDB converts to a BLOB, and to a type that holds one.

    Raises:
        NoPlan: DuckDB gives no plan.
    """
    return converted_places(answer, _to_blob), converted_places(answer, _to_holder)


def _to_blob(node: Node) -> bool:
    return type_name(node["return_type"]) == "BLOB"


def _to_holder(node: Node) -> bool:
    kind = type_name(node["return_type"])
    return kind != "BLOB" and '"id": "BLOB"' in kind


def why_not(value: object, *, declared: bool, inside: bool) -> str:
    """Why `value` cannot be sent; "" if it can.

    Args:
        value: of a parameter.
        declared: its type is: then digits are meant.
        inside: it becomes a list or a struct with bytes in it.
    """
    if not isinstance(value, str) or "\\x" not in value:
        return ""
    if inside:
        return INSIDE
    found = HEXADECIMAL.fullmatch(value)
    return "" if declared or found is None or len(found[1]) <= 2 else AMBIGUOUS


def converter(*, declared: bool, inside: bool) -> Callable[[object], object]:
    """What makes bytes of a text with hexadecimal digits; it raises ValueError if `why_not` says so."""

    def convert(value: object) -> object:
        if why := why_not(value, declared=declared, inside=inside):
            raise ValueError(why)
        found = HEXADECIMAL.fullmatch(value) if isinstance(value, str) and not inside else None
        return value if found is None else bytes.fromhex(found[1])

    return convert


def are_plain(sets: Sequence[Sequence[object]], indexes: Collection[int]) -> bool:
    """Whether no value at `indexes` of `sets` has what `converter` looks for."""
    return not any(isinstance(values[i], str) and "\\x" in values[i] for values in sets for i in indexes)  # type: ignore[operator]

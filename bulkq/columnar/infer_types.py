"""Columns without a declared type, as SQLite has them: the type of an array follows from its values.

Integers are int64, numbers with a fraction double, truth values bool, texts string, bytes binary, dates and times their types. Anything
else, and whatever is mixed, is text as in CSV.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING

import pyarrow as pa

from bulkq.text.json_text import json_text
from bulkq.text.pg_text import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.columnar.arrow_types import ArrowArray, ArrowType

PLAIN = {
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    str: pa.string(),
    bytes: pa.binary(),
    date: pa.date32(),
}


def infer_array(values: Sequence[object]) -> ArrowArray:
    """An array of the type that holds all `values` exactly; of the type null if all are None."""
    kinds = set(map(type, values)) - {type(None)}
    kind = _type(kinds, values)
    if kind == pa.string() and kinds != {str}:
        return texts_of(values)
    try:
        return pa.array(values, kind)
    except (ValueError, TypeError, OverflowError):
        return texts_of(values)


def _type(kinds: set[type], values: Sequence[object]) -> ArrowType:
    if not kinds:
        return pa.null()
    if kinds == {int, float}:
        return pa.float64()
    if len(kinds) > 1:
        return pa.string()
    (kind,) = kinds
    if issubclass(kind, datetime | time):
        zones = {value.tzinfo is not None for value in values if isinstance(value, datetime | time)}
        if issubclass(kind, time):
            return pa.time64("us") if zones == {False} else pa.string()
        return pa.string() if len(zones) > 1 else pa.timestamp("us", "UTC" if True in zones else None)
    return PLAIN.get(kind, pa.string())


def texts_of(values: Sequence[object]) -> ArrowArray:
    """An array of texts, as CSV has them."""
    texts = [None if value is None else _text(value) for value in values]
    whole = [None if text is None else text.encode("utf-8", "backslashreplace") for text in texts]
    return pa.array(whole, pa.binary()).cast(pa.string())


def _text(value: object) -> str:
    return value if isinstance(value, str) else (text_of(type(value)) or json_text)(value)


def unify_types(first: ArrowType, second: ArrowType) -> ArrowType:
    """The type that holds the values of two arrays of one column; text if no other does."""
    if first == second or pa.types.is_null(second):
        return first
    if pa.types.is_null(first):
        return second
    if {first, second} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return pa.string()


def convert_array(array: ArrowArray, kind: ArrowType) -> ArrowArray:
    """`array` as one of a type that `unified` returned.

    Raises:
        ValueError: an integer that a double does not hold.
    """
    if array.type == kind:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    return texts_of(array.to_pylist()) if kind == pa.string() else array.cast(kind)

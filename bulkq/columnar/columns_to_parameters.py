"""Columns of a file as values of parameters: Python values, or the texts that a database converts. Nothing is rounded.

A text is exact: all digits of a number, a double by its shortest text, a moment in UTC with microseconds. Nanoseconds, which no
supported database keeps, are an error. pyarrow drops them silently if pandas is installed, and so values are cast before they become
Python's. https://arrow.apache.org/docs/python/generated/pyarrow.TimestampScalar.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from bulkq.text.json_text import json_text
from bulkq.text.pg_text import bytes_text, interval_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.columnar.arrow_types import ArrowArray, ArrowType

    _Rules = tuple[tuple[Callable[[ArrowType], bool], Callable[[ArrowType], ArrowType]], ...]

MOMENT = pa.timestamp("us")
INSTANT = pa.timestamp("us", "UTC")


class LossyValueError(ValueError):
    """A value that cannot be passed on exactly: its index in the array, and why."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


def values_of(array: ArrowArray, *, text: bool) -> Sequence[object]:
    """The values of a column.

    Args:
        array: of any type.
        text: scalars as texts for a database that converts them; lists are Python lists in any case.

    Raises:
        LossyValueError: the first value that cannot be passed on exactly.
    """
    if isinstance(array, pa.ExtensionArray) and array.type != pa.uuid():
        array = array.storage
    wanted = plain_type(array.type)
    if wanted != array.type:
        array = _cast(array, wanted)
    if text and (kind := _writer(array.type)) is not None:
        return kind(array)
    values = _python(array)
    if pa.types.is_struct(array.type) or pa.types.is_map(array.type):
        return [None if value is None else json_text(_mapping(array.type, value)) for value in values]
    return values


def plain_type(kind: ArrowType) -> ArrowType:
    """`kind` without dictionaries, with microseconds, zones as UTC and doubles; also inside lists and structs."""
    return next((make(kind) for known, make in PLAIN if known(kind)), kind)


PLAIN: _Rules = (
    (pa.types.is_dictionary, lambda kind: plain_type(kind.value_type)),
    (pa.types.is_timestamp, lambda kind: MOMENT if kind.tz is None else INSTANT),
    (pa.types.is_time, lambda _: pa.time64("us")),
    (pa.types.is_duration, lambda _: pa.duration("us")),
    (pa.types.is_date64, lambda _: pa.date32()),
    (pa.types.is_float16, lambda _: pa.float64()),
    (pa.types.is_float32, lambda _: pa.float64()),
    (pa.types.is_large_list, lambda kind: pa.large_list(plain_type(kind.value_type))),
    (pa.types.is_list, lambda kind: pa.list_(plain_type(kind.value_type))),
    (pa.types.is_fixed_size_list, lambda kind: pa.list_(plain_type(kind.value_type))),
    (pa.types.is_struct, lambda kind: pa.struct([pa.field(field.name, plain_type(field.type)) for field in kind])),
)
"""Types that become another, first match."""


def _cast(array: ArrowArray, kind: ArrowType) -> ArrowArray:
    try:
        return array.cast(kind, safe=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        for index in range(len(array)):
            try:
                array.take(pa.array([index])).cast(kind, safe=True)  # a slice of lists is cast with all its items
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as unfit:
                raise LossyValueError(index, _why(array.type, unfit)) from error
        raise LossyValueError(0, str(error)) from error


def _why(kind: ArrowType, error: Exception) -> str:
    if "would lose data" in str(error):
        return f"is a {kind} with nanoseconds, which no database keeps: round it to microseconds"
    return f"is a {kind} that cannot be passed on: {' '.join(str(error).split())}"


def _python(array: ArrowArray) -> list[Any]:
    try:
        return list(array.to_pylist())
    except (ValueError, OverflowError) as error:
        for index in range(len(array)):
            try:
                array[index].as_py()
            except (ValueError, OverflowError) as unfit:
                reason = f"is a {array.type} that Python does not have: {' '.join(str(unfit).split())}"
                raise LossyValueError(index, reason) from error
        raise LossyValueError(0, str(error)) from error


def _mapping(kind: ArrowType, value: Any) -> object:
    """A struct as it is; a map, which pyarrow gives as pairs, as a mapping."""
    return dict(value) if pa.types.is_map(kind) else value


def _writer(kind: ArrowType) -> Callable[[ArrowArray], Sequence[object]] | None:
    """What writes the texts of scalars of this type; None for lists and structs."""
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind):
        return _python
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return lambda array: [None if value is None else bytes_text(value) for value in array.to_pylist()]
    if kind == pa.uuid():
        return lambda array: [None if value is None else str(value) for value in array.to_pylist()]
    if types.is_duration(kind):
        return lambda array: [None if value is None else interval_text(value) for value in _python(array)]
    if kind == pa.month_day_nano_interval():
        return _intervals
    if types.is_nested(kind):
        return None
    return lambda array: _python(array.cast(pa.string()))


def _intervals(array: ArrowArray) -> list[object]:
    texts: list[object] = []
    for index, value in enumerate(array.to_pylist()):
        if value is None:
            texts.append(None)
            continue
        micros, rest = divmod(value.nanoseconds, 1000)
        if rest:
            raise LossyValueError(index, "is an interval with nanoseconds, which no database keeps")
        texts.append(f"{value.months} months {value.days} days {micros} microseconds")
    return texts

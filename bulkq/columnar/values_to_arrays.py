"""Values and texts of a database as Arrow arrays. A value that the type cannot hold exactly is an error, never another value.

Texts are those of `Decoding.TEXT`, which are PostgreSQL's. Arrow's own conversions refuse `infinity`, `NaN` in a decimal, years before 1
and after 9999, `24:00` and digits that the scale has no room for.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pyarrow as pa

from bulkq.columnar.arrow_types import SIMPLE, arrow_type
from bulkq.columnar.infer_types import infer_array
from bulkq.model.parse_column_type_name import ColumnForm, FormKind
from bulkq.text.array_literals import list_of_text
from bulkq.text.json_text import json_text
from bulkq.text.late_pattern import compile_late
from bulkq.text.pg_text import text_of

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    from bulkq.columnar.arrow_types import ArrowArray

NOT_FIT = (ValueError, TypeError, OverflowError, KeyError, NotImplementedError)
"""What pyarrow and Python raise for a value that a type cannot hold; `pyarrow.ArrowException`s are among them."""

TRUTHS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}
SECONDS = compile_late(r"(.*)([+-])(\d\d):(\d\d):(\d\d)")
"""An offset with seconds, as zones had before there was standard time: `1880-01-01 00:00:00+00:53:28`."""


class UnfitError(ValueError):
    """A value that the type of its column cannot hold exactly: its index and its text."""

    def __init__(self, index: int, text: str) -> None:
        super().__init__(text)
        self.index = index
        self.text = text


def array_of(values: Sequence[object], form: ColumnForm) -> ArrowArray:
    """The values of a column as an array of the form's type; None is NULL.

    Raises:
        UnfitError: the first value that the type cannot hold exactly.
    """
    if form.kind is FormKind.VALUES:
        return infer_array(values)
    try:
        return _array(values, form)
    except NOT_FIT as error:
        raise _unfit(values, lambda value: _array([value], form), error) from error


def array_of_texts(texts: ArrowArray, form: ColumnForm) -> ArrowArray:
    """An array of texts as one of the form's type.

    Raises:
        UnfitError: the first text that the type cannot hold exactly.
    """
    try:
        return _from_texts(texts, form)
    except NOT_FIT as error:
        every = texts.to_pylist()
        raise _unfit(every, lambda value: _from_texts(pa.array([value], pa.string()), form), error) from error


def _unfit(values: Sequence[object], make: Callable[[object], object], error: Exception) -> UnfitError:
    for index, value in enumerate(values):
        try:
            make(value)
        except NOT_FIT:
            return UnfitError(index, _shown(value))
    return UnfitError(0, str(error))


def _shown(value: object) -> str:
    written = text_of(type(value)) or json_text
    return "NULL" if value is None else written(value)


def _array(values: Sequence[object], form: ColumnForm) -> ArrowArray:
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values), arrow_type(form))
    if kinds == {str}:
        return _from_texts(make_text_array(values), form)
    if form.kind is FormKind.TEXT or str in kinds:
        return _from_texts(make_text_array([None if value is None else _text(value) for value in values]), form)
    return _from_values(values, form)


def _text(value: object) -> str:
    return value if isinstance(value, str) else _shown(value)


def make_text_array(texts: Sequence[object]) -> ArrowArray:
    """An array of texts; a lone surrogate, which UTF-8 cannot hold, is written as its escape, as in CSV."""
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        whole = [None if text is None else str(text).encode("utf-8", "backslashreplace") for text in texts]
        return pa.array(whole, pa.binary()).cast(pa.string())


# --- from texts ------------------------------------------------------------------------------------------------


def _from_texts(texts: ArrowArray, form: ColumnForm) -> ArrowArray:
    match form.kind:
        case FormKind.TEXT:
            return texts
        case FormKind.BOOL:
            return pa.array([None if text is None else TRUTHS[text] for text in texts.to_pylist()], pa.bool_())
        case FormKind.TIME:
            import pyarrow.compute as pc  # a fifth of the time that pyarrow takes to import

            days = pc.binary_join_element_wise("1970-01-01", texts, " ")
            return days.cast(pa.timestamp("us")).cast(pa.time64("us"))
        case FormKind.INSTANT:
            return _instants(texts)
        case FormKind.BINARY:
            return pa.array([None if text is None else _bytes(text) for text in texts.to_pylist()], pa.binary())
        case FormKind.UUID:
            return _uuids([None if text is None else UUID(text) for text in texts.to_pylist()])
        case FormKind.LIST:
            return _lists([None if text is None else list_of_text(text) for text in texts.to_pylist()], form)
        case _:
            return texts.cast(arrow_type(form))


def _instants(texts: ArrowArray) -> ArrowArray:
    try:
        return texts.cast(SIMPLE[FormKind.INSTANT])
    except pa.ArrowInvalid:
        every = texts.to_pylist()
        found = [SECONDS.fullmatch(text or "") for text in every]
        if not any(found):
            raise
        moved = [text if at is None else f"{_utc(at)}+00" for text, at in zip(every, found, strict=True)]
        return pa.array(moved, pa.string()).cast(SIMPLE[FormKind.INSTANT])


def _utc(at: re.Match[str]) -> str:
    clock, sign, hours, minutes, seconds = at.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    moment = datetime.fromisoformat(clock)
    return (moment - offset if sign == "+" else moment + offset).isoformat(" ")


def _bytes(text: str) -> bytes:
    if not text.startswith("\\x"):
        raise ValueError("not hexadecimal digits")
    return bytes.fromhex(text[2:])


def _uuids(values: Sequence[UUID | None]) -> ArrowArray:
    storage = pa.array([None if value is None else value.bytes for value in values], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def _lists(values: Sequence[Sequence[object] | None], form: ColumnForm) -> ArrowArray:
    assert form.items is not None
    offsets: list[int | None] = []
    items: list[object] = []
    for value in values:
        offsets.append(None if value is None else len(items))
        items.extend(value or ())
    offsets.append(len(items))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), array_of(items, form.items))


# --- from Python values ----------------------------------------------------------------------------------------


def _from_values(values: Sequence[object], form: ColumnForm) -> ArrowArray:
    match form.kind:
        case FormKind.BOOL:
            return pa.array([None if value is None else TRUTHS[_shown(value)] for value in values], pa.bool_())
        case FormKind.FLOAT | FormKind.DOUBLE:
            return pa.array([_double(value) for value in values], arrow_type(form))
        case FormKind.DECIMAL:
            return pa.array([_decimal(value) for value in values], arrow_type(form))
        case FormKind.BINARY:
            return pa.array([None if value is None else bytes(value) for value in values], pa.binary())  # type: ignore[call-overload]
        case FormKind.UUID:
            return _uuids([None if value is None else UUID(str(value)) for value in values])
        case FormKind.LIST:
            return _lists([None if value is None else list(value) for value in values], form)  # type: ignore[call-overload]
        case FormKind.TIMESTAMP | FormKind.TIME:
            _zoned(values, zoned=False)
        case FormKind.INSTANT:
            _zoned(values, zoned=True)
        case FormKind.DATE:
            if any(isinstance(value, datetime) for value in values):
                raise TypeError("a moment is not a date")
        case _:
            values = [_integer(value) for value in values]
    return pa.array(values, arrow_type(form))


def _integer(value: object) -> int | None:
    """`value`, if it is whole: pyarrow would cut off a fraction."""
    if value is None or type(value) is int:
        return value
    whole = int(value)  # type: ignore[call-overload]
    if whole != value:
        raise ValueError("a fraction")
    return int(whole)


def _double(value: object) -> object:
    return float(value) if isinstance(value, Decimal) and Decimal(float(value)) == value else value


def _decimal(value: object) -> object:
    return Decimal(repr(value)) if isinstance(value, float) else value


def _zoned(values: Sequence[object], *, zoned: bool) -> None:
    """Refuse moments with a zone for a type without, and the reverse: pyarrow would take UTC for it."""
    for value in values:
        if isinstance(value, datetime | time) and (value.tzinfo is not None) is not zoned:
            raise TypeError("a zone is missing, or is there where the type has none")

"""Python values as JSON text, column by column.

Integers stay exact, numerics, dates and uuids are strings, bytes are hexadecimal digits as COPY writes them, NaN and the
infinities are strings, because JSON has no such numbers.
"""

from __future__ import annotations

import json.encoder
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from bulkq.text.pg_text import clock_text, decimal_text, float_text, interval_text

quote: Callable[[str], str] = json.encoder.encode_basestring
"""Written in C; leaves everything but quotes, backslashes and control characters as it is."""

Encoder = Callable[..., str]


class JsonNumber(str):
    """A JSON number as it was written: text that is known not to have been a string."""

    __slots__ = ()


def _bool(value: object) -> str:
    return "true" if value else "false"


def _float(value: float) -> str:
    return float.__repr__(value) if math.isfinite(value) else f'"{float_text(value)}"'


def _datetime(value: datetime) -> str:
    return f'"{clock_text(value, value.isoformat())}"'


def _time(value: time) -> str:
    return f'"{clock_text(value, value.isoformat())}"'


def _bytes(value: bytes | bytearray | memoryview) -> str:
    r"""`"\\x00ff"`, as PostgreSQL's `to_json` writes bytes and as its input reads them; base64 would be taken for the bytes themselves."""
    return f'"\\\\x{value.hex()}"'


def _mapping(value: Mapping[object, object]) -> str:
    return "{" + ",".join([f"{quote(str(k))}:{json_text(v)}" for k, v in value.items()]) + "}"


def _items(value: Sequence[object]) -> str:
    return "[" + ",".join(map(json_text, value)) + "]"


ENCODERS: tuple[tuple[type, Encoder], ...] = (
    (bool, _bool),
    (int, int.__repr__),
    (float, _float),
    (str, quote),
    (Decimal, lambda value: f'"{decimal_text(value)}"'),
    (datetime, _datetime),
    (date, lambda value: f'"{value.isoformat()}"'),
    (time, _time),
    (timedelta, lambda value: f'"{interval_text(value)}"'),
    (bytes, _bytes),
    (bytearray, _bytes),
    (memoryview, _bytes),
    (Mapping, _mapping),
    (list, _items),
    (tuple, _items),
    (set, _items),
    (frozenset, _items),
)
"""First match wins, so a subclass stands before its base."""


def encoder_of(kind: type) -> Encoder:
    """The function that encodes values of `kind`; whatever is unknown becomes its `str()`."""
    for base, encoder in ENCODERS:
        if issubclass(kind, base):
            return encoder
    return lambda value: quote(str(value))


def json_text(value: object) -> str:
    """One value."""
    return "null" if value is None else encoder_of(type(value))(value)


def json_object(value: Mapping[str, object]) -> str:
    """One object, compact, keys in their order."""
    return "{" + ",".join([f"{quote(k)}:{json_text(v)}" for k, v in value.items()]) + "}"


def json_column(column: Sequence[object], *, raw: bool = False) -> Sequence[object]:
    """The cells of a column such that `%s` of each is JSON. `raw`: strings are JSON already."""
    kinds = set(map(type, column))
    if kinds == {int}:
        return column
    if kinds == {float} and math.isfinite(sum(column)):  # type: ignore[arg-type]
        return column
    empty = type(None) in kinds
    kinds.discard(type(None))
    encoders: dict[type, Encoder] = {k: _raw if raw and issubclass(k, str) else encoder_of(k) for k in kinds}
    if len(encoders) > 1:
        return ["null" if v is None else encoders[type(v)](v) for v in column]
    if not encoders:
        return ["null"] * len(column)
    (encoder,) = encoders.values()
    if empty:
        return ["null" if v is None else encoder(v) for v in column]
    return list(map(encoder, column))


def _raw(value: str) -> str:
    # A line break in JSON text can only be white space; in JSON Lines it would end the record.
    return value.replace("\r", " ").replace("\n", " ") if "\n" in value or "\r" in value else value

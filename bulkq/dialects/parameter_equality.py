"""Equality of parameter values as databases see it: columns of values into keys that are equal wherever the values are.

Keys may be equal where values are not, which costs time; they are never different where values are equal. A value whose
equality is not known for certain becomes `ANY`, which may equal every other value.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.dialects.row_key_catalog import Keys, Values

ANY: Final = object()
"""The key of a value that may equal any other."""

_WHOLE = compile_late(r"\s*[-+]?[0-9]{1,4000}\s*", re.ASCII)
_FLOAT = compile_late(r"\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\s*", re.ASCII)
_DAY = compile_late(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = compile_late(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?", re.ASCII)
_ZONED = compile_late(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,6})?(Z|[-+][0-9]{2}(?::?[0-9]{2})?)",
    re.ASCII,
)
_UUID = str.maketrans("", "", "{}-")


def integers(values: Values) -> Values:
    """Of PostgreSQL's integers: in text, sign, blanks and leading zeros do not matter."""
    try:
        return list(map(int, values))  # type: ignore[arg-type] # what is not a number raises
    except (TypeError, ValueError, OverflowError):
        return _integers(values)


def texts(values: Values) -> Values:
    """Of text whose collation is deterministic: equal where the characters are."""
    return values if all(map(_is_text, values)) else _texts(values)


def anything(values: Values) -> Values:
    """Of types about whose equality nothing is known."""
    return [None if value is None else ANY for value in values]


def _each(key: Callable[[object], object]) -> Keys:
    def keys(values: Values) -> Values:
        return [None if value is None else key(value) for value in values]

    return keys


def _is_text(value: object) -> bool:
    return type(value) is str


def _integer(value: object) -> object:
    if isinstance(value, int):
        return int(value)
    if not isinstance(value, str):
        return ANY
    for base in (10, 0):  # PostgreSQL takes 0x1f, 0o17 and 0b1 as well
        try:
            return int(value, base)
        except ValueError:
            continue
    return ANY


def _whole(value: object) -> object:
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else ANY
    return int(value) if isinstance(value, int) else ANY


def _rounded(value: object) -> object:
    """Whole numbers that are compared as doubles."""
    whole = _whole(value)
    return whole if whole is ANY else float(str(whole))


def _number(value: object) -> object:
    if isinstance(value, float):
        value = repr(value)
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else Decimal(value)  # type: ignore[arg-type] # else it raises
    except (InvalidOperation, TypeError, ValueError):
        return _integer(value)
    return number if number.is_finite() else ANY


def _double(value: object) -> object:
    if isinstance(value, str):
        return float(value) if _FLOAT.fullmatch(value) else ANY
    return float(value) if isinstance(value, int | float | Decimal) and value == value else ANY  # noqa: PLR0124 - NaN


def _text(value: object) -> object:
    return value if isinstance(value, str) else ANY


def _padded(value: object) -> object:
    return value.rstrip(" ") if isinstance(value, str) else ANY


def _folded(value: object) -> object:
    """Case and trailing blanks do not matter, nor does more for visible ASCII; other characters may equal anything."""
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return value.lower().rstrip(" ")
    return ANY


def _uuid(value: object) -> object:
    return str(value).translate(_UUID).lower()


def _boolean(value: object) -> object:
    if isinstance(value, bool):
        return value
    return str(value).strip().lower().startswith(("t", "y", "1", "on")) if isinstance(value, str) else ANY


def _date(value: object) -> object:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value) if _DAY.fullmatch(value) else ANY
        except ValueError:
            return ANY
    return value if isinstance(value, date) and not isinstance(value, datetime) else ANY


def _moment(value: object) -> object:
    """A timestamp without a zone, in ISO 8601 with all its fields."""
    if isinstance(value, datetime):
        return value if value.tzinfo is None else ANY
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        return datetime.fromisoformat(f"{found[1]} {found[2]}.{found[3] or '0':0<6}") if found else ANY
    except ValueError:
        return ANY


def _instant(value: object) -> object:
    """A timestamp with its zone as an offset; without one, the session's zone decides."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else ANY
    found = _ZONED.fullmatch(value) if isinstance(value, str) else None
    try:
        return datetime.fromisoformat(value) if found and isinstance(value, str) else ANY
    except ValueError:
        return ANY


def _bytes(value: object) -> object:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if not isinstance(value, str) or not value.startswith("\\x"):
        return ANY
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        return ANY


_integers, _texts = _each(_integer), _each(_text)
whole, rounded, numbers, doubles = map(_each, (_whole, _rounded, _number, _double))
padded, folded, uuids, booleans = map(_each, (_padded, _folded, _uuid, _boolean))
dates, moments, instants, binaries = map(_each, (_date, _moment, _instant, _bytes))

CERTAIN = frozenset({integers, whole, texts, padded, uuids, numbers})
"""Those that know the key of nearly every value that the database takes."""


def bounded(keys: Keys, length: int) -> Keys:
    """`keys` of texts that an assignment may cut: longer ones may equal anything."""

    def found(values: Values) -> Values:
        return [
            ANY if isinstance(value, str) and len(value) > length else key
            for value, key in zip(values, keys(values), strict=True)
        ]

    return found

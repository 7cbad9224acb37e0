"""Python values as PostgreSQL would print them, for values that no server has printed.

Source of the forms: `DateStyle = ISO`, `IntervalStyle = postgres`, `extra_float_digits = 1`, `bytea_output = hex`,
which are PostgreSQL's defaults.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


EXACT_INTEGERS = 2**53
"""Above this a double may be an integer that its shortest text does not name exactly."""


def float_text(value: float) -> str:
    """`1`, `0.1`, `1e+15`, `NaN`, `-Infinity`: the shortest text that gives the same double."""
    if not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    text = float.__repr__(value)
    if abs(value) >= 1e15 and "e" not in text:
        # PostgreSQL goes over to exponents one decimal place earlier than Python.
        sign, digits = ("-", text[1:]) if value < 0 else ("", text)
        mantissa = digits.replace(".", "").rstrip("0")
        return f"{sign}{mantissa[0]}{'.' if mantissa[1:] else ''}{mantissa[1:]}e+15"
    if abs(value) >= EXACT_INTEGERS and 2 * abs(int(Decimal(text)) - int(value)) == math.ulp(value):
        # Half way to the next double: Python relies on the reader rounding to even, PostgreSQL's Ryu does not.
        mantissa, _, exponent = f"{value:.16e}".partition("e")
        return f"{mantissa.rstrip('0')}e{exponent}"
    return text.removesuffix(".0")


def fraction_text(microseconds: int) -> str:
    """`.1` for 100,000; "" for 0."""
    return f".{microseconds:06d}".rstrip("0") if microseconds else ""


def interval_text(value: timedelta) -> str:
    """`1 day 02:00:00`, `-1 days -02:00:00`, `00:00:00.5`."""
    sign = "-" if value < timedelta(0) else ""
    value = abs(value)
    hours, seconds = divmod(value.seconds, 3600)
    clock = f"{hours:02d}:{seconds // 60:02d}:{seconds % 60:02d}{fraction_text(value.microseconds)}"
    if not value.days:
        return sign + clock
    days = f"{sign}{value.days} day{'' if value.days == 1 and not sign else 's'}"
    return f"{days} {sign}{clock}" if value.seconds or value.microseconds else days


def clock_text(value: datetime | time, iso: str) -> str:
    """`iso` is `value.isoformat(...)`; its fraction loses the trailing zeros."""
    return iso.replace(f".{value.microsecond:06d}", fraction_text(value.microsecond)) if value.microsecond else iso


def _zoned(value: datetime | time, iso: str) -> str:
    offset = value.utcoffset()
    text = clock_text(value, iso)
    return text.removesuffix(":00") if offset is not None and not offset % timedelta(hours=1) else text


def datetime_text(value: datetime) -> str:
    """`2026-11-22 13:05:10.1+00`, or without the zone where the value has none."""
    return _zoned(value, value.isoformat(" "))


def time_text(value: time) -> str:
    """`13:05:10.1+00`, or without the zone where the value has none."""
    return _zoned(value, value.isoformat())


def decimal_text(value: Decimal) -> str:
    """All digits, never an exponent."""
    return format(value, "f")


def bool_text(value: object) -> str:
    """`t` or `f`."""
    return "t" if value else "f"


def bytes_text(value: bytes | bytearray | memoryview) -> str:
    r"""`\x00ff`."""
    return "\\x" + bytes(value).hex()


def printable(text: str) -> str:
    r"""`text` with everything that a terminal might obey written as an escape: `\n`, `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


TEXTS: tuple[tuple[type, Callable[..., str]], ...] = (
    (bool, bool_text),
    (int, int.__repr__),
    (float, float_text),
    (str, str.__str__),
    (Decimal, decimal_text),
    (datetime, datetime_text),
    (date, date.isoformat),
    (time, time_text),
    (timedelta, interval_text),
    (bytes, bytes_text),
    (bytearray, bytes_text),
    (memoryview, bytes_text),
)
"""First match wins, so a subclass stands before its base."""


def text_of(kind: type) -> Callable[..., str] | None:
    """The function that prints values of `kind`, or None where this module knows none."""
    return next((text for base, text in TEXTS if issubclass(kind, base)), None)


class Shortened(str):
    """The beginning of a text, and how much more there was; as a string it says so itself."""

    __slots__ = ("head", "more")
    head: str
    more: int

    def __new__(cls, text: str, longest: int) -> Shortened:
        """The first `longest` characters of `text`, which has more."""
        more = len(text) - longest
        made = super().__new__(cls, f"{text[:longest]}... ({more:,} more characters)")
        made.head, made.more = text[:longest], more
        return made

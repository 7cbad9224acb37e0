"""PostgreSQL's text forms: Python values as PostgreSQL prints them, and its texts as JSON. Pure.

Source of the forms: `DateStyle = ISO`, `IntervalStyle = postgres`, `extra_float_digits = 1`, `bytea_output = hex`,
which are PostgreSQL's defaults. The JSON is that of PostgreSQL's `to_json`, so that every driver gives the same bytes.
"""

from __future__ import annotations

import math
import re
import struct
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from json.encoder import encode_basestring
from typing import TYPE_CHECKING

from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable

ENDS = frozenset({date.min, date.max, datetime.min, datetime.max})  # noqa: DTZ901 - infinity, as libraries give it to Python
MONTH_DAYS = 28
"""An interval that has as many days may have had months."""

LEAST_FIXED, FIRST_EXPONENT = -4, 6
"""Powers of ten between which PostgreSQL writes a `real` without an exponent."""

LARGEST_SINGLE = 3.40282356e38
"""A double below this magnitude rounds to a finite number of four bytes."""

NORMAL_SINGLE = 1.2e-38
"""Below it, four bytes hold fewer than six digits."""

NUMBER = compile_late(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")

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


# --- texts of PostgreSQL as JSON ------------------------------------------------------------------------------


def format_iso(text: str) -> str:
    """`2026-11-22 13:05:10+00` as ISO 8601; other texts, such as `infinity`, are returned as they are."""
    day, _, clock = text.partition(" ")
    if not clock[:1].isdigit():
        return text
    clock, era, _ = clock.partition(" BC")
    if clock[-3:-2] in {"+", "-"}:
        clock += ":00"
    return f"{day}T{clock}{era}"


def number_json(text: str) -> str:
    """A number as it is written; `NaN` and `Infinity` are strings, for JSON has no such numbers."""
    return text if NUMBER.fullmatch(text) else string_json(text)


def bool_json(text: str) -> str:
    """`t` or `f`."""
    return "true" if text == "t" else "false"


def moment_json(text: str) -> str:
    """See `iso`."""
    return string_json(format_iso(text))


def string_json(text: str) -> str:
    """Any other text."""
    return encode_basestring(text)


def array_json(element: Callable[[str], str], delimiter: str = ",") -> Callable[[str], str]:
    """A function that turns an array literal into JSON: `{1,NULL,"a b"}`, `[0:1]={1,2}`, `{{1,2},{3,4}}`.

    Args:
        element: JSON of the text of one element.
        delimiter: between elements: `;` for boxes.
    """
    token = re.compile(rf'"((?:[^"\\]|\\.)*)"|([{{}}{delimiter}])|([^{{}}"{delimiter}]+)', re.DOTALL)
    marks = {"{": "[", "}": "]", delimiter: ","}

    def written(found: re.Match[str]) -> str:
        quoted, mark, bare = found.groups()
        if mark is not None:
            return marks[mark]
        if bare is not None:
            return "null" if bare == "NULL" else element(bare)
        return element(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))

    return lambda text: token.sub(written, text[text.index("{") :])


def single(value: float) -> float:
    """The double whose shortest text is that of `value`, which came from four bytes: 0.1 of 0.10000000149011612."""
    if not math.isfinite(value):
        return value
    for digits in range(6 if abs(value) > NORMAL_SINGLE else 1, 9):
        short = float(f"{value:.{digits}g}")
        beyond = 2 * short - value
        if abs(beyond) < LARGEST_SINGLE and _four(short) == value and (beyond == value or _four(beyond) != beyond):
            return short  # and not half way to the next number, which PostgreSQL does not take for either
    return float(f"{value:.9g}")


def _four(value: float) -> float:
    (four,) = struct.unpack("f", struct.pack("f", value))
    return float(four)


def singles(kind: str, value: object) -> object:
    """`single` of all numbers inside a list, a struct or a map of the type `kind`.

    Raises:
        ValueError: it also holds doubles, which cannot be told apart in Python.
    """
    if "double" in kind.lower():
        raise ValueError(
            f"type {kind} mixes FLOAT and DOUBLE, which Python cannot tell apart: cast it to text in the query"
        )
    if isinstance(value, float):
        return single(value)
    if isinstance(value, dict):
        return {singles(kind, key): singles(kind, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(singles(kind, item) for item in value)
    return value


def format_real(value: float) -> str:
    """`0.1`, `1e+06`, `NaN`: a number of four bytes as PostgreSQL writes it, which goes over to exponents at a million."""
    value = single(_four(value))
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    place = len(digits) + exponent - 1
    if value == 0 or LEAST_FIXED <= place < FIRST_EXPONENT:
        return f"{value:.{max(-exponent, 0)}f}"
    rest = "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{digits[0]}{'.' if rest else ''}{rest}e{place:+03d}"


def certain(kind: str, value: object) -> object:
    """`value`, which a library has made of one of the type `kind`, where it can have been no other.

    Raises:
        ValueError: Python has no infinite date, no month in an interval and no nanosecond, so it may have been another.
    """
    parts = [item for pair in value.items() for item in pair] if isinstance(value, dict) else value
    if isinstance(parts, (list, tuple)):
        for part in parts:
            certain(kind, part)
    elif (
        (isinstance(value, datetime) and (value.replace(tzinfo=None) in ENDS or "timestamp_ns" in kind.lower()))
        or (type(value) is date and value in ENDS)
        or (isinstance(value, timedelta) and abs(value.days) >= MONTH_DAYS)
    ):
        raise ValueError(f'Python may have cut "{value}" of type {kind}: cast it to text in the query')
    return value

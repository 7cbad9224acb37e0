"""Values as a database writes them, made into what a JSON sink wants, and values that may have been others. Pure; called by drivers.

The forms are those of PostgreSQL's `to_json`, so that every driver gives the same bytes.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from json.encoder import encode_basestring
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ENDS = frozenset({date.min, date.max, datetime.min, datetime.max})  # noqa: DTZ901 - infinity, as libraries give it to Python
MONTH_DAYS = 28
"""An interval that has as many days may have had months."""

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


def iso(text: str) -> str:
    """`2026-11-22 13:05:10+00` as ISO 8601; what is no moment on a calendar (`infinity`) as it is."""
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
    return string_json(iso(text))


def string_json(text: str) -> str:
    """Any other text."""
    return encode_basestring(text)


def array_json(element: Callable[[str], str], delimiter: str = ",") -> Callable[[str], str]:
    """What makes JSON of an array literal: `{1,NULL,"a b"}`, `[0:1]={1,2}`, `{{1,2},{3,4}}`.

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
        raise ValueError(f'"{value}" is all that is left of a value of type {kind}: cast it to text in the query')
    return value

"""Convert Python values of typed files to what a target accepts, a column at a time. Types that do not fit are errors, not other values."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from bulkq.text.json_text import json_text
from bulkq.text.pg_text import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int, Decimal, float),
    "real": (int, float, Decimal),
    "boolean": (bool, int),
    "binary": (bytes,),
}
"""Python types that a parameter of a declared type takes, by the name of its conversion from text."""


def as_text(value: object) -> object:
    """A value for a target that converts text; lists and structs become JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return (text_of(type(value)) or json_text)(value)


def check_native_value(scalar: Callable[[str], object], noun: str) -> Callable[[object], object]:
    """What passes on a value of a declared type, and converts texts by `scalar`.

    Raises:
        ValueError: the value has another type.
    """
    kinds = KINDS[scalar.__name__]

    def one(value: object) -> object:
        if value is None:
            return None
        if isinstance(value, str):
            return scalar(value)
        if not isinstance(value, kinds) or (scalar.__name__ == "integer" and int(value) != value):  # type: ignore[call-overload]
            raise ValueError(f"is not {noun}")
        return int(value) if scalar.__name__ == "integer" else value  # type: ignore[call-overload]

    return one

"""Placeholders and values of DB-API libraries, by PEP 249."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from bulkq.drivers.bind_parameters import UNENCODABLE, Style, items_of, text_items_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Dialect

NATIVE: frozenset[type] = frozenset(
    {int, float, str, bytes, bool, type(None), Decimal, datetime, date, time, timedelta, bytearray}
)


def convert(value: object) -> object:
    """`value` as DB-API libraries take it: what they have no type for becomes text."""
    match value:
        case UUID():
            return str(value)
        case list() | tuple() | dict():
            return _json(value)
        case memoryview():
            return bytes(value)
        case _:
            return value


def _json(value: object) -> object:
    """The text of a list or an object; bytes have none in it."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_item)
    except UnicodeError:
        return UNENCODABLE


def _item(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        raise UnicodeError
    return str(value)


def unfit(value: object) -> str | None:
    """Why `value` cannot be sent."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            return f"is not valid Unicode: lone surrogate at character {error.start + 1}"
    if value is UNENCODABLE:
        return "holds bytes inside a list or an object, which the database library does not take"
    if type(value) not in NATIVE and not isinstance(value, (list, tuple, dict, UUID, memoryview)):
        return f"is a {type(value).__name__}, which the database library does not take"
    return None


def style_of(paramstyle: str, converting: Callable[[object], object], cast: str, *, text: bool) -> Style:
    """The style of a library by PEP 249's name of it; `numeric_dollar` is SQLAlchemy's."""
    once, again, key = {
        "qmark": ("?", None, None),
        "format": ("%s", None, None),
        "pyformat": ("%s", "%(p{})s".format, "p{}".format),
        "numeric": ("", ":{}".format, None),
        "numeric_dollar": ("", "${}".format, None),
        "named": ("", ":p{}".format, "p{}".format),
    }[paramstyle]
    items = text_items_of if text else items_of
    percent = paramstyle in {"format", "pyformat"}
    return Style(once, again, NATIVE, converting, unfit, items, key, percent, cast)


def doubles_percent(dialect: Dialect) -> bool:
    """Whether the library of `dialect` reads `%%` as `%` in a text with marks, if these have a percent sign. SQLAlchemy knows.

    mysql-connector-python leaves both signs there.
    """
    return bool(getattr(getattr(dialect, "identifier_preparer", None), "_double_percents", True))


def in_parentheses(style: Style) -> Style:
    """`style` for a library that writes values into the text: what stands behind a mark concerns the whole value."""
    again = style.again
    marked = None if again is None else lambda number: f"({again(number)})"
    return replace(style, once=f"({style.once})", again=marked)

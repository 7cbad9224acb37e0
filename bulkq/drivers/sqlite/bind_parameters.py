"""Which values SQLite stores and how, and how names are quoted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bulkq.drivers import bind_parameters
from bulkq.drivers.parameter_limit import SQLITE_ADVICE, ParameterLimit
from bulkq.model.text_or_number import TextOrNumber

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.model import Query

NATIVE: frozenset[type] = frozenset({int, float, str, bytes, bool, type(None), bytearray, memoryview})
LARGEST = 2**63 - 1


def to_native(value: object) -> object:
    """`value` as SQLite stores it: dates as SQLite's own functions write them, numerics and the rest as text.

    What is not known stays as it is, and `sqlite3` refuses it. https://sqlite.org/lang_datefunc.html
    """
    if type(value) in NATIVE:
        return value
    match value:
        case TextOrNumber():
            return value.number
        case timedelta():
            return value.total_seconds()
        case _:
            return bind_parameters.as_text(value)


def _unfit(value: object) -> str | None:
    if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        return "is an integer of more than 64 bits, which SQLite cannot store: send it as text"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            return f"is not valid Unicode: lone surrogate at character {error.start + 1}"
    if not isinstance(value, int | float | str | bytes | bytearray | memoryview | None):
        return f"is a {type(value).__name__}, which SQLite cannot store"
    return None


STYLE = bind_parameters.Style(
    once="?", again="?{}".format, natives=NATIVE, convert=to_native, unfit=_unfit, items=bind_parameters.items_of
)


class SqliteBinding(bind_parameters.Binding):
    """Placeholders as `?`, or `?1` and `?2` where a parameter stands in the text more than once."""

    def __init__(self, query: Query, identifiers: Mapping[str, str], *, typed: bool, most: int) -> None:
        """Take at most `most` parameters, as this build of SQLite does."""
        # https://www.sqlite.org/limits.html#max_variable_number
        style = replace(STYLE, bound=ParameterLimit(most, "this SQLite", SQLITE_ADVICE))
        super().__init__(query, identifiers, typed=typed, style=style)

"""The next step for server errors whose message has none. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from bulkq.model import Query

COMMITTED_EARLY = (
    "its marker was committed before its work was done, because the statement or a routine that it calls ends transactions: "
    'check what was applied, and write "-- @transaction off" above it'
)

TRANSACTION_OFF = 'write "-- @transaction off" above the statement'
"""The next step for a statement that a transaction around it fails."""

OUTSIDE_ONLY = frozenset({"25001", "2D000"})
"""A statement, or a procedure that commits, wants no transaction around it."""


NOT_UTF8 = "22021"
UTF8_ADVICE = (
    "in a database of encoding SQL_ASCII read the bytes, convert_to(COLUMN, 'SQL_ASCII'), or, if they are LATIN1, "
    "convert_from(convert(convert_to(COLUMN, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'UTF8')"
)
"""Such a database stores any bytes, and the server refuses to send those that are not UTF-8."""


LIMITED = compile_late(r"\b(?:LIMIT|OFFSET|LIMIT\s+\S+\s*,)\s*$", re.IGNORECASE)
"""What stands before a placeholder that has to be a number: MariaDB and MySQL take no text there."""

SYNTAX = "42000"


def advise_on_error(message: str, sqlstate: str | None, query: Query) -> str | None:
    """The next step for an error about which the server says nothing."""
    if sqlstate == SYNTAX and "near ''" in message and (name := _limit(query)):
        return (
            f'LIMIT and OFFSET take a number, and :{name} is text: declare it, "-- name: {query.name}({name}: integer)"'
        )
    if sqlstate == NOT_UTF8 and "UTF8" in message:
        return UTF8_ADVICE
    if sqlstate in OUTSIDE_ONLY or message.endswith("from within a transaction"):
        return f"{TRANSACTION_OFF}: it is then sent outside a transaction, at most once"
    return None


def _limit(query: Query) -> str:
    """The first parameter without a type that stands behind LIMIT or OFFSET; "" without one."""
    untyped = {parameter.name for parameter in query.parameters if not parameter.type}
    places = (place for place in query.placeholders if place.name in untyped)
    return next((place.name for place in places if LIMITED.search(query.sql[: place.start])), "")

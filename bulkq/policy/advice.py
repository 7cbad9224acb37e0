"""The next step where the server's own words have none. Pure; asked by the worker when it records a failure."""

from __future__ import annotations

COMMITTED_EARLY = (
    "its marker was committed before its work was done: the statement, or what it calls, ends transactions by itself; "
    'look what was applied, and write "-- @transaction off" above it'
)

OUTSIDE_ONLY = frozenset({"25001", "2D000"})
"""A statement, or a procedure that commits, wants no transaction around it."""


NOT_UTF8 = "22021"
UTF8_ADVICE = (
    "in a database of encoding SQL_ASCII read the bytes, convert_to(COLUMN, 'SQL_ASCII'), or, if they are LATIN1, "
    "convert_from(convert(convert_to(COLUMN, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'UTF8')"
)
"""Such a database stores any bytes, and the server refuses to send those that are not UTF-8."""


def advised(message: str, sqlstate: str | None) -> str | None:
    """The next step for an error about which the server says nothing."""
    if sqlstate == NOT_UTF8 and "UTF8" in message:
        return UTF8_ADVICE
    if sqlstate in OUTSIDE_ONLY or message.endswith("from within a transaction"):
        return "write -- @transaction off above it: it is sent outside a transaction then, at most once"
    return None

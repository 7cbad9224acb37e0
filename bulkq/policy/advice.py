"""The next step where the server's own words have none. Pure; asked by the worker when it records a failure."""

from __future__ import annotations

COMMITTED_EARLY = (
    "its marker was committed before its work was done: the statement, or what it calls, ends transactions by itself; "
    'look what was applied, and write "-- @transaction off" above it'
)

OUTSIDE_ONLY = frozenset({"25001", "2D000"})
"""A statement, or a procedure that commits, wants no transaction around it."""


def advised(message: str, sqlstate: str | None) -> str | None:
    """What helps against an error about which the server says nothing: a statement that wants no transaction around it."""
    if sqlstate in OUTSIDE_ONLY or message.endswith("from within a transaction"):
        return "write -- @transaction off above it: it is sent outside a transaction then, at most once"
    return None

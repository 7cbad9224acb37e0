"""The order in which the objects of a maintenance run are done: the most urgent first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.maintenance import ObjectFacts

URGENCY = "urgency"

URGENT = {
    "vacuum": "dead",
    "freeze": "age",
    "analyze": "last_analyze",
    "reindex": "size",
    "cluster": "size",
    "optimize": "size",
}
"""What makes an object of a command urgent: the greatest first. Other commands take objects by name."""

OLDEST = {"analyze": "last_analyze"}
"""What `oldest` means; of other commands it is `last_vacuum`."""

ORDERS = (URGENCY, "dead", "size", "age", "bloat", "oldest")
"""The words of `--order`."""


def column_of(order: str, command: str) -> str:
    """The column by which the objects of a command are ordered; "" for their names."""
    if order == URGENCY:
        return URGENT.get(command, "")
    return OLDEST.get(command, "last_vacuum") if order == "oldest" else order


def in_order(objects: Sequence[ObjectFacts], order: str, command: str) -> list[ObjectFacts]:
    """`objects`, the greatest value first; those whose value is not known behind them, by name.

    An object comes behind those that it has to wait for, and those that come last at the end.
    """
    column = column_of(order, command)

    def key(one: ObjectFacts) -> tuple[bool, int, bool, float, str]:
        value = one.values.get(column)
        waits = len(one.object.after)  # of all that it waits for, each waits for fewer
        return one.object.last, waits, value is None, -(value or 0.0), one.object.shown

    return sorted(objects, key=key)

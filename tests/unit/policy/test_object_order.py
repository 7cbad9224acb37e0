"""The order of objects."""

from __future__ import annotations

import pytest

from bulkq.model.maintenance import MaintainedObject, ObjectFacts
from bulkq.policy.object_order import column_of, in_order


def facts(name: str, last: bool = False, after: tuple[str, ...] = (), **values: float | None) -> ObjectFacts:
    """An object with numbers."""
    return ObjectFacts(MaintainedObject("table", "s", name, f"s.{name}", last, after=after), values)


@pytest.mark.parametrize(
    ("order", "command", "column"),
    [
        ("urgency", "vacuum", "dead"),
        ("urgency", "freeze", "age"),
        ("urgency", "refresh", ""),
        ("oldest", "vacuum", "last_vacuum"),
        ("oldest", "analyze", "last_analyze"),
        ("size", "vacuum", "size"),
    ],
)
def test_urgency_depends_on_the_command(order: str, command: str, column: str) -> None:
    """Each command has a column that makes an object urgent."""
    assert column_of(order, command) == column


def test_the_greatest_come_first() -> None:
    """Then those whose number is not known, by name; at the end those that are to be last."""
    found = [facts("b", dead=1), facts("d", dead=None), facts("c"), facts("p", last=True, dead=99), facts("a", dead=5)]
    assert [one.object.name for one in in_order(found, "urgency", "vacuum")] == ["a", "b", "c", "d", "p"]


def test_views_come_behind_those_that_they_read() -> None:
    """At all levels."""
    found = [facts("a", after=("s.b", "s.c")), facts("b", after=("s.c",)), facts("d"), facts("c")]
    assert [one.object.name for one in in_order(found, "urgency", "refresh")] == ["c", "d", "b", "a"]

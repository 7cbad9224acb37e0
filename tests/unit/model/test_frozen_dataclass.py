"""`@frozen`: what `dataclass(frozen=True, slots=True)` gives, without its cost at import."""

from __future__ import annotations

import inspect
import pickle
from copy import copy
from dataclasses import asdict, field, fields, replace

import pytest

from bulkq.model.frozen_dataclass import frozen


@frozen
class Point:
    """A place with a secret and a note."""

    x: int
    y: int = 0
    secret: str = field(default="", repr=False)
    note: str = field(default="", compare=False)


@frozen(kw_only=True)
class Named(Point):
    """A point whose name must be given by its name."""

    name: str

    def __repr__(self) -> str:
        return self.name


def test_instances_are_compared_by_their_class_and_fields() -> None:
    """Equal fields make equal and equally hashed values; a field with `compare=False` does not count, another class does."""
    assert Point(1, 2, note="a") == Point(1, 2, note="b")
    assert {Point(1, 2, note="a")} == {Point(1, 2, note="b")}
    assert Point(1, 2) != Point(2, 1)
    assert Point(1) != Named(1, name="home")
    assert Point(1) != (1, 0, "")


def test_a_field_with_a_secret_is_not_shown() -> None:
    """The text names class and fields, but for those with `repr=False`; a class may have its own."""
    assert repr(Point(1, secret="s3")) == "Point(x=1, y=0, note='')"
    assert repr(Named(1, name="home")) == "home"


def test_it_is_a_dataclass() -> None:
    """The functions of `dataclasses`, pattern matching, copies and pickles work on it; it has no `__dict__`."""
    assert [one.name for one in fields(Named)] == ["x", "y", "secret", "note", "name"]
    assert asdict(replace(Point(1), y=5)) == {"x": 1, "y": 5, "secret": "", "note": ""}
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
    assert copy(Point(1)) == pickle.loads(pickle.dumps(Point(1))) == Point(1)
    assert not hasattr(Point(1), "__dict__")
    with pytest.raises(TypeError):
        Named(1, 2, "", "", "home")  # type: ignore[misc]


@frozen
class Bag:
    """Things, of which no two bags have the same list."""

    things: list[int] = field(default_factory=list)
    label: str = field(default="bag", kw_only=True)


def test_its_initializer_is_that_of_a_dataclass() -> None:
    """It is compiled when it is first looked at: defaults, factories, names that must be given, and a subclass that has none."""
    one, other = Bag(), Bag([1], label="full")
    one.things.append(2)
    assert (one.things, Bag().things, other) == ([2], [], Bag(things=[1], label="full"))
    assert list(inspect.signature(Bag).parameters) == ["things", "label"]
    assert Bag.__init__.__qualname__ == "Bag.__init__"
    assert [one.name for one in fields(Bag)] == ["things", "label"]
    assert Bag.__match_args__ == ("things",)  # type: ignore[attr-defined]


def test_the_type_checker_holds_it_frozen() -> None:
    """A class made with it is frozen for the type checker (PEP 681), unless it says otherwise."""
    marks = frozen.__dataclass_transform__  # type: ignore[attr-defined]
    assert (marks["kwargs"] | marks)["frozen_default"] is True  # Python 3.11 does not know this mark by name yet

"""`@frozen` and `@mutable`: what `dataclass(frozen=True, slots=True)` and `dataclass(slots=True)` give, without the cost at import."""

from __future__ import annotations

import inspect
import pickle
import re
from copy import copy
from dataclasses import asdict, field, fields, replace

import pytest

from bulkq.model.frozen_dataclass import SET_ONE_BY_ONE, frozen, mutable


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


@mutable
class Tally:
    """Numbers that change."""

    name: str
    amount: int = 0
    places: list[int] = field(default_factory=list)


@mutable(kw_only=True, eq=False)
class Handle:
    """A thing that is only itself."""

    number: int


def test_a_mutable_class_changes_and_has_no_hash() -> None:
    """Its instances are compared by their fields as they are now; with `eq=False` an instance is equal to itself alone."""
    one, other = Tally("a"), Tally(name="a", amount=1)
    one.amount += 1
    assert (one, repr(one)) == (other, "Tally(name='a', amount=1, places=[])")
    assert replace(one, amount=2) == Tally("a", 2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    assert Handle(number=1) != Handle(number=1)
    assert len({Handle(number=1), Handle(number=1)}) == 2
    assert repr(Handle(number=1)) == "Handle(number=1)"
    assert not hasattr(one, "__dict__")
    assert copy(one) == pickle.loads(pickle.dumps(one)) == one
    assert "frozen_default" not in mutable.__dataclass_transform__.get("kwargs", {})  # type: ignore[attr-defined]


@pytest.mark.parametrize("compiled", [False, True])
def test_arguments_that_do_not_fit_are_refused_as_by_a_dataclass(*, compiled: bool) -> None:
    """Too many, unknown, missing and doubled arguments are errors of type before and after `__init__` is compiled."""

    @mutable
    class Place:
        x: int
        y: int = 0
        tags: list[str] = field(default_factory=list)
        name: str = field(default="", kw_only=True)

    for number in range(2 * SET_ONE_BY_ONE if compiled else 1):
        place = Place(number, name="n")
        assert (place.x, place.y, place.tags, place.name) == (number, 0, [], "n")
    assert inspect.isfunction(vars(Place)["__init__"]) is compiled
    refused: list[tuple[tuple[int, ...], dict[str, int], str]] = [
        ((), {}, "missing 1 required positional argument: 'x'"),
        ((), {"z": 1}, "unexpected keyword argument 'z'"),
        ((1,), {"z": 1}, "unexpected keyword argument 'z'"),
        ((1,), {"x": 1}, "multiple values for argument 'x'"),
        ((1, 2, 3, 4), {}, "takes from 2 to 4 positional arguments but 5 were given"),
    ]
    for values, named, words in refused:
        with pytest.raises(TypeError, match=re.escape(words)):
            Place(*values, **named)  # type: ignore[arg-type]

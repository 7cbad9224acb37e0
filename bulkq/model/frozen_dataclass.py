"""`@frozen` and `@mutable`: dataclasses that have slots, are compared by their fields, and cost little to import."""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


@dataclass(slots=True, eq=False, repr=False)
class _LibraryDataclass:
    """A dataclass of the library, whose marks say that a class is one."""

    one: int


MARKS = {
    name: vars(_LibraryDataclass)[name]
    for name in ("__dataclass_params__", "__replace__")
    if name in vars(_LibraryDataclass)
}
"""What `dataclass` adds to every class, without its fields. The second is there since Python 3.13."""

FIELD = fields(_LibraryDataclass)[0]._field_type  # type: ignore[attr-defined]  # noqa: SLF001 - `fields` looks for it
"""The type of a field that is neither a class variable nor an argument of `__init__` alone."""

SET_ONE_BY_ONE = 20
"""Instances of a class until its `__init__` is compiled, which takes as long as setting the fields of fifty. Most classes have fewer."""


@overload
def frozen(cls: type[T], /) -> type[T]: ...


@overload
def frozen(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T] | None = None, /, *, kw_only: bool = False) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a dataclass as `dataclass(frozen=True, slots=True)` does. `fields`, `replace` and `asdict` work on it.

    `dataclass` looks at each annotation and compiles six methods for each class. A run imports two hundred classes, which took a sixth
    of its start. Here `__init__` is compiled when it has been needed often, and no other method is. The type checker refuses assignments
    to fields; at run time nothing does. A class has at least one field; class variables, `InitVar`, `init=False` and `__post_init__` are
    not known.
    """

    def make(plain: type[T]) -> type[T]:
        known = _fields_of(plain, kw_only=kw_only)
        return _with_slots(plain, known, _comparison_by(list(known.values())))

    return make if cls is None else make(cls)


@overload
def mutable(cls: type[T], /) -> type[T]: ...


@overload
def mutable(*, kw_only: bool = False, eq: bool = True) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(field_specifiers=(field,))
def mutable(
    cls: type[T] | None = None, /, *, kw_only: bool = False, eq: bool = True
) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a dataclass as `dataclass(slots=True)` does, at the cost and with the limits of `frozen`.

    Args:
        cls: the class; None if arguments are given.
        kw_only: fields are given by name.
        eq: instances are compared by their fields, and have no hash; else by identity.
    """

    def make(plain: type[T]) -> type[T]:
        known = _fields_of(plain, kw_only=kw_only)
        methods = _comparison_by(list(known.values())) | {"__hash__": None}
        return _with_slots(plain, known, methods if eq else {"__repr__": methods["__repr__"]})

    return make if cls is None else make(cls)


def _fields_of(plain: type, *, kw_only: bool) -> dict[str, Field[Any]]:
    """The fields of the bases and of `plain` itself, by name, as `dataclasses.fields` expects them."""
    known: dict[str, Field[Any]] = {}
    for base in reversed(plain.__mro__[1:]):
        known |= vars(base).get("__dataclass_fields__", {})
    for name, annotation in plain.__annotations__.items():
        default = vars(plain).get(name, MISSING)
        one: Any = default if isinstance(default, Field) else field(default=default)
        one.name, one.type, one._field_type = name, annotation, FIELD  # noqa: SLF001 - as `dataclass` does
        one.kw_only = kw_only if one.kw_only is MISSING else one.kw_only
        known[name] = one
    return known


def _with_slots(plain: type[T], known: dict[str, Field[Any]], methods: dict[str, Any]) -> type[T]:
    """The same class with a slot for each field of its own, and `methods` that it lacks: slots cannot be added to a class that exists."""
    inherited = {name for base in plain.__mro__[1:] for name in vars(base).get("__slots__", ())}
    body = {name: value for name, value in vars(plain).items() if name not in known}
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    body["__slots__"] = tuple(name for name in known if name not in inherited)
    body["__dataclass_fields__"] = known
    body["__match_args__"] = tuple(name for name, one in known.items() if not one.kw_only)
    body.setdefault("__init__", _Initializer(list(known.values())))
    metaclass: Any = type(plain)
    made: type[T] = metaclass(plain.__name__, plain.__bases__, MARKS | methods | body)
    made.__qualname__ = plain.__qualname__
    return made


class _Initializer:
    """The `__init__` of a class. It sets fields one by one until it has been needed often enough to be worth compiling."""

    def __init__(self, known: Sequence[Field[Any]]) -> None:
        self._known = known
        self._names = {one.name for one in known}
        self._positional = [one.name for one in known if not one.kw_only]
        self._left = SET_ONE_BY_ONE

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> Any:
        """Return the function, bound to `instance`; in the end put it into its class."""
        self._left -= 1
        if instance is not None and self._left >= 0:
            return partial(self._set_fields, instance)
        init = self._compiled()
        self._owner.__init__ = init  # type: ignore[misc]  # of all instances from now on
        return init.__get__(instance, owner)

    def _set_fields(self, instance: object, /, *args: object, **given: object) -> None:
        """Set the fields. If arguments do not fit, the compiled function says so."""
        values = dict(zip(self._positional, args, strict=False)) | given
        fits = len(values) == len(args) + len(given)
        for one in self._known:
            if one.name not in values and one.default is not MISSING:
                values[one.name] = one.default
            elif one.name not in values and one.default_factory is not MISSING:
                values[one.name] = one.default_factory()
        if fits and values.keys() == self._names:
            for name, value in values.items():
                setattr(instance, name, value)
        else:
            self._compiled()(instance, *args, **given)

    def _compiled(self) -> Any:
        """The function, with the parameters that `dataclass` would give it."""
        values: dict[str, object] = {"MISSING": MISSING}
        listed: dict[bool, list[str]] = {False: [], True: []}
        lines: list[str] = []
        for one in self._known:
            name, value = one.name, one.name
            if one.default_factory is not MISSING:
                values[f"__{name}"], value = one.default_factory, f"__{name}() if {name} is MISSING else {name}"
                name += "=MISSING"
            elif one.default is not MISSING:
                values[f"__{name}"] = one.default
                name += f"=__{name}"
            listed[bool(one.kw_only)].append(name)
            lines.append(f" self.{one.name} = {value}")
        parameters = ", ".join(["self", *listed[False], *(["*", *listed[True]] if listed[True] else [])])
        exec("\n".join([f"def __init__({parameters}):", *lines]), values)  # noqa: S102 - as `dataclass` does
        init: Any = values["__init__"]
        init.__module__ = self._owner.__module__
        init.__qualname__ = f"{self._owner.__qualname__}.__init__"
        return init


def _comparison_by(known: Sequence[Field[Any]]) -> dict[str, Any]:
    """The methods that `dataclass` would have compiled, by name."""
    shown = [one.name for one in known if one.repr]
    compared = attrgetter(*(one.name for one in known if one.compare))

    def __eq__(self: T, other: object) -> bool:  # noqa: N807
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: T) -> int:  # noqa: N807
        return hash(compared(self))

    def __repr__(self: T) -> str:  # noqa: N807
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    return {"__eq__": __eq__, "__hash__": __hash__, "__repr__": __repr__}

"""`@frozen`: a dataclass that has slots, is compared by its fields, and costs little to import."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...


@overload
def frozen(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T] | None = None, /, *, kw_only: bool = False) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a dataclass as `dataclass(frozen=True, slots=True)` does. `fields`, `replace` and `asdict` work on it.

    `dataclass` compiles six methods for each class; a run imports a hundred of them, which took a sixth of its start.
    Here only `__init__` is compiled. The type checker refuses assignments to fields; at run time nothing does.
    """

    def make(plain: type[T]) -> type[T]:
        return _compare_by_fields(dataclass(slots=True, eq=False, repr=False, kw_only=kw_only)(plain))

    return make if cls is None else make(cls)


def _compare_by_fields(cls: type[T]) -> type[T]:
    """Give `cls` the methods that `dataclass` would have compiled, unless its body has them."""
    known = fields(cls)  # type: ignore[arg-type]
    shown = [one.name for one in known if one.repr]
    compared = attrgetter(*(one.name for one in known if one.compare))

    def __eq__(self: T, other: object) -> bool:  # noqa: N807
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: T) -> int:  # noqa: N807
        return hash(compared(self))

    def __repr__(self: T) -> str:  # noqa: N807
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    for method in (__eq__, __hash__, __repr__):
        if method.__name__ not in cls.__dict__:
            setattr(cls, method.__name__, method)
    return cls

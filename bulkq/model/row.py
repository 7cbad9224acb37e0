"""A result row of the Python API."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, SupportsIndex, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, KeysView, Mapping


class Row(tuple[object, ...]):
    """One result row: a tuple whose values are also found by column name, `row["name"]` or `row.name`.

    `dict(row)` is column name to value in column order. Of two columns of one name, names find the last; and a column that is
    called like a method of tuples or dicts (`count`, `index`, `keys`, `values`, `items`) is found by `row["count"]` only.
    """

    __slots__ = ()
    _index: ClassVar[Mapping[str, int]] = {}

    @overload
    def __getitem__(self, key: SupportsIndex | str, /) -> object: ...
    @overload
    def __getitem__(self, key: slice, /) -> tuple[object, ...]: ...
    def __getitem__(self, key: SupportsIndex | slice | str, /) -> object:
        """By position, slice or column name; KeyError names the columns there are."""
        if not isinstance(key, str):
            return tuple.__getitem__(self, key)
        try:
            return tuple.__getitem__(self, self._index[key])
        except KeyError:
            raise KeyError(f"{key!r} (there are {', '.join(self._index)})") from None

    def __getattr__(self, name: str) -> object:
        """By column name; AttributeError names the columns there are."""
        if name in self._index:
            return tuple.__getitem__(self, self._index[name])
        raise AttributeError(f"{name!r} (there are {', '.join(self._index)})")

    def keys(self) -> KeysView[str]:
        """The column names, in column order; this is what `dict(row)` asks for."""
        return self._index.keys()

    def asdict(self) -> dict[str, object]:
        """Column name to value, in column order."""
        return {name: tuple.__getitem__(self, i) for name, i in self._index.items()}

    def __reduce__(self) -> tuple[Callable[..., Row], tuple[object, ...]]:
        """As a row of the same columns, for copy and pickle: its class was made for them."""
        return _row, (tuple(self._index.items()), tuple(self))


def row_class(index: Mapping[str, int]) -> type[Row]:
    """The class of rows with these columns: name to position."""
    return type("Row", (Row,), {"__slots__": (), "_index": index})


def _row(index: Iterable[tuple[str, int]], values: tuple[object, ...]) -> Row:
    return row_class(dict(index))(values)

"""The seam between a format and the binding: a feed gives the wanted columns of its rows, in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import SourcePosition


@frozen
class WantedColumns:
    """What a feed is to give: columns in this order."""

    names: tuple[str, ...]
    place: str  # of the query, for messages
    defaults: Mapping[str, object]  # of `names` that a row may leave out
    secret: tuple[str, ...] = ()  # of `names`
    constants: frozenset[str] = frozenset()  # names that --param gives
    ignore_extra: bool = False
    others: frozenset[str] = frozenset()  # extra names that are accepted
    advice: bool = True  # name the option that accepts extra keys


@frozen
class ColumnBlock:
    """Some rows of a source as columns."""

    count: int
    columns: Sequence[Sequence[object]]  # in the order of `WantedColumns.names`, each of `count` values
    lines: Sequence[int] = ()  # of each row in its file; empty where lines mean nothing


class Feed(Protocol):
    """Rows of one format. `columns` is None where every row names its own."""

    name: str
    """How messages and origins call it."""

    columns: tuple[str, ...] | None
    plain: bool
    """True: values are `str | None`. False: JSON values, numbers, whatever a database gave as text."""

    native: bool
    """True: values have the types of the file; see `bulkq.columnar.columns_to_parameters`."""

    total: int | None
    replayable: bool

    def want(self, wanted: WantedColumns) -> None:
        """Say which columns `read` is to give; called once, before the first `read`."""
        ...

    async def read(self, most: int) -> ColumnBlock | None:
        """The next 1 to `most` rows; None at the end."""
        ...

    def position(self, n: int) -> SourcePosition | None:
        """Where the feed stands after `n` rows; None where it cannot go back there."""
        ...

    async def go_on(self, start: SourcePosition) -> bool:
        """Go on behind `start`, before the first `read`; False where only reading on leads there."""
        ...

    def fraction(self) -> float | None:
        """How much was consumed, 0.0 to 1.0; None if unknown."""
        ...

    async def close(self) -> None:
        """Give back what is open; harmless when repeated."""
        ...

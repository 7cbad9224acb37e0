"""Parameter sets as one text for each parameter: another process, or a database, takes it as fast as a single value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from bulkq.model.query import ParameterSet

BETWEEN = '","'
"""Between two values. No value has a quote or a backslash, so that a text in braces is an array literal of PostgreSQL."""


class JoinedSets(Sequence["ParameterSet"]):
    """A sequence of parameter sets, which are made when one is asked for.

    Args:
        texts: the values of each parameter, joined.
        count: of the sets.
    """

    __slots__ = ("_count", "_sets", "_texts")

    def __init__(self, texts: tuple[str, ...], count: int) -> None:
        self._texts = texts
        self._count = count
        self._sets: list[ParameterSet] | None = None

    def __reduce__(self) -> tuple[type[JoinedSets], tuple[tuple[str, ...], int]]:
        """Pickle the texts alone."""
        return JoinedSets, (self._texts, self._count)

    def __len__(self) -> int:
        """Return the number of sets."""
        return self._count

    @overload
    def __getitem__(self, place: int) -> ParameterSet: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[ParameterSet]: ...
    def __getitem__(self, place: int | slice) -> ParameterSet | Sequence[ParameterSet]:
        """Return one set, or several."""
        if self._sets is None:
            self._sets = list(zip(*(text.split(BETWEEN) for text in self._texts), strict=True))
        return self._sets[place]

    @property
    def literals(self) -> list[str]:
        """The values of each parameter as an array literal of PostgreSQL."""
        return [f'{{"{text}"}}' for text in self._texts]


def join_sets(sets: Sequence[ParameterSet]) -> Sequence[ParameterSet]:
    """Return `sets` joined; as they are, where not all values are texts, or one has a quote or a backslash."""
    columns = list(zip(*sets, strict=True))
    if not columns or any(set(map(type, column)) != {str} for column in columns):
        return sets
    texts = tuple(map(BETWEEN.join, columns))
    marks = 2 * (len(sets) - 1)
    if any("\\" in text or text.count('"') != marks for text in texts):
        return sets
    return JoinedSets(texts, len(sets))

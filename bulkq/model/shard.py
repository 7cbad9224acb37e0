"""One of several equal shares of the parameter sets of an input, or of the checks of a selection: `--shard I/N`."""

from __future__ import annotations

import re

from bulkq.model.frozen_dataclass import frozen

MOST_SHARDS = 100_000
"""Shares of one input at most: more would each read the whole input for next to nothing."""


@frozen
class Shard:
    """Every `count`-th number, beginning with `index`: 2 of 3 has 2, 5, 8, ...

    A number is that of the whole input, from 1. A place counts the numbers of the shard alone, from 1: numbers 2, 5, 8 have the places
    1, 2, 3. Places are consecutive, so ranges of them stay short.

    Attributes:
        index: from 1 to `count`.
        count: how many shards there are.
    """

    index: int
    count: int

    def __str__(self) -> str:
        """`2/3`."""
        return f"{self.index}/{self.count}"

    @property
    def file_part(self) -> str:
        """`2-of-3`, for the name of a file."""
        return f"{self.index}-of-{self.count}"

    def number(self, place: int) -> int:
        """The number at `place`."""
        return self.index + (place - 1) * self.count

    def place(self, number: int) -> int:
        """The place of `number`, which is in the shard."""
        return (number - self.index) // self.count + 1

    def skipped(self, number: int) -> int:
        """How many numbers from `number` on come before the next one of the shard; 0 if `number` is in it."""
        return (self.index - number) % self.count

    def share(self, total: int) -> int:
        """How many of the numbers from 1 to `total` are in the shard."""
        return (total - self.index) // self.count + 1 if total >= self.index else 0


def parse_shard(text: str) -> Shard:
    """The shard of `I/N`.

    Raises:
        ValueError: the text is not of this form, or there is no such shard. The message begins with the text.
    """
    found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
    if not found:
        raise ValueError(f"{text}: write I/N, for example 1/3 for the first of three shards")
    index, count = int(found[1]), int(found[2])
    if not 1 <= count <= MOST_SHARDS:
        raise ValueError(f"{text}: the number of shards must be from 1 to {MOST_SHARDS}")
    if not 1 <= index <= count:
        raise ValueError(f"{text}: shards are numbered from 1/{count} to {count}/{count}")
    return Shard(index, count)

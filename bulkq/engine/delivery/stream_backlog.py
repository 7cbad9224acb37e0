"""The pieces of a streamed result that cannot be written yet: some in memory, the rest in the overflow."""

from __future__ import annotations

import io
from dataclasses import field
from typing import TYPE_CHECKING, cast

from bulkq.model.frozen_dataclass import mutable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.engine.delivery.overflow import Extent, Overflow

CHUNK_BYTES = 1024 * 1024
"""Weight of the pieces that go into the overflow together."""


@mutable
class Aside:
    """Payloads of one sink in their order."""

    places: list[Extent] = field(default_factory=list)
    rest: list[object] = field(default_factory=list)
    weight: int = 0  # of `rest`
    size: int = 0  # bytes in the overflow

    def add(self, payload: object, weight: int, overflow: Overflow) -> None:
        """Keep `payload`, which weighs `weight` bytes.

        Raises:
            StoppedError: the overflow cannot be written.
            Exception: a value cannot be pickled. In both cases `payload` is not kept, everything before it is.
        """
        self.rest.append(payload)
        self.weight += weight
        if self.weight < CHUNK_BYTES:
            return
        try:
            file = io.BytesIO()
            overflow.dump(self.rest, file)
            place = overflow.append(file.getvalue())
        except BaseException:
            self.rest.pop()
            self.weight -= weight
            raise
        self.places.append(place)
        self.size += place.size
        self.rest, self.weight = [], 0

    def read(self, overflow: Overflow) -> Iterator[object]:
        """Give back the payloads, a chunk in memory at a time."""
        for place in self.places:
            yield from cast("list[object]", overflow.load(overflow.read(place)))
        yield from self.rest

    def forget(self, overflow: Overflow) -> None:
        """Free what is in the overflow."""
        for place in self.places:
            overflow.free(place)
        self.places, self.rest, self.weight, self.size = [], [], 0, 0

"""The seam between a JSON format and the feed over it: a reader gives objects, in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import SourcePosition

ObjectBlock = tuple[list[dict[str, object]], "Sequence[int]", bool]
"""Objects, the line of each, and whether there are escapes in them."""


class ObjectReader(Protocol):
    """A reader of JSON objects: `bulkq.sources.json_lines`, `bulkq.sources.json_array`."""

    name: str
    replayable: bool

    async def objects(self, most: int) -> ObjectBlock | None:
        """The next 1 to `most` objects, the line of each, whether there are escapes; None at the end."""
        ...

    def position(self, n: int) -> SourcePosition | None:
        """Where the reader stands after row `n`."""
        ...

    def go_on(self, start: SourcePosition) -> None:
        """Go on behind `start`, to which `LineReader.prove` has shown the way."""
        ...

    def fraction(self) -> float | None:
        """How much was consumed."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...

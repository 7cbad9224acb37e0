"""`--format none`: rows are fetched and dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Decoding

if TYPE_CHECKING:
    from bulkq.model import BatchResult, Column, Query, SinkPosition


class NoSink:
    """Takes everything, keeps nothing."""

    decoding = Decoding.PYTHON
    finished = False

    def __init__(self) -> None:
        """There is nothing to open."""
        self.notices: list[str] = []

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:
        """Any columns will do."""

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """Nothing, which weighs nothing."""
        del result
        return None, 0

    async def write(self, payload: object) -> None:
        """Forget it."""

    def mark(self) -> int:
        """Always 0."""
        return 0

    def back_to(self, mark: int) -> None:
        """Nothing to forget."""

    def positions(self) -> tuple[SinkPosition, ...]:
        """None: nothing is kept."""
        return ()

    async def fsync(self) -> None:
        """Nothing to put on disk."""

    async def close(self, *, complete: bool) -> None:
        """Nothing to finish."""

    def discard(self) -> None:
        """Nothing to remove."""

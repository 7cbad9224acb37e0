"""COPY into a columnar file: one block of CSV is parsed in a thread while the next one arrives."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.columnar.copy_csv_to_batches import CsvBlocks, is_whole
from bulkq.columnar.partial_format import pack_batch
from bulkq.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.columnar.arrow_types import ArrowSchema
    from bulkq.model import Column
    from bulkq.model.parse_column_type_name import ColumnForm

BLOCK_BYTES = 4 * 1024 * 1024


class CopiedRows:
    """The rows of one COPY on their way into the file.

    Args:
        columns: of the result.
        forms: of the columns.
        header: with which the CSV begins.
        place: of the query, for messages.
        append: takes the schema, the message and the number of the rows of a block, in their order.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        forms: Sequence[ColumnForm],
        header: bytes,
        place: str,
        append: Callable[[ArrowSchema, bytes, int], None],
    ) -> None:
        self._blocks = CsvBlocks(columns, forms)
        self._header = header
        self._place = place
        self._append = append
        self._buffer = bytearray()
        self._parsing: asyncio.Future[tuple[ArrowSchema, bytes, int]] | None = None

    @property
    def ended(self) -> bool:
        """Whether everything that came is in the file."""
        return not self._buffer and self._parsing is None

    def add(self, data: bytes) -> bool:
        """Append a piece of CSV; whether there are enough rows for a block."""
        self._buffer += data
        if len(self._buffer) < BLOCK_BYTES:
            return False
        self._strip()
        return is_whole(self._buffer)

    async def parse(self) -> None:
        """Parse what has come, and append the block before it.

        Raises:
            StoppedError: a value that the type of its column cannot hold exactly.
        """
        await self._settle()
        data, self._buffer = bytes(self._buffer), bytearray()
        self._parsing = asyncio.get_running_loop().run_in_executor(None, self._parsed, data)

    async def end(self) -> None:
        """Append the rest.

        Raises:
            StoppedError: a value that the type of its column cannot hold exactly.
        """
        self._strip()
        if self._buffer and is_whole(self._buffer):
            await self.parse()
        await self._settle()

    def _strip(self) -> None:
        """Take the header away, once it is there."""
        if self._header and len(self._buffer) >= len(self._header):
            if not self._buffer.startswith(self._header):
                raise StoppedError(f"{self._place}: the server sent other columns than it had described")
            del self._buffer[: len(self._header)]
            self._header = b""

    async def _settle(self) -> None:
        parsing, self._parsing = self._parsing, None
        if parsing is not None:
            try:
                self._append(*await parsing)
            except ValueError as error:
                raise StoppedError(f"{self._place}: {error}") from error

    def _parsed(self, data: bytes) -> tuple[ArrowSchema, bytes, int]:
        """In a thread."""
        batch = self._blocks.parse(data)
        return batch.schema, pack_batch(batch), batch.num_rows

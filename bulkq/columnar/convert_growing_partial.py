"""Make the file of a partial while the partial grows, in a thread: at the end only the last row group is left to write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from bulkq.columnar.convert_partial import GROUP_ROWS, RowGroups
from bulkq.columnar.partial_format import read_messages

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from bulkq.columnar.arrow_types import ArrowSchema


class GrowingFile:
    """One file in the making. If it cannot be made, `finish` says so, and the whole partial is converted as usual.

    Args:
        partial: whose messages have one schema.
        form: "parquet" or "arrow".
        path: of the file.
        schema: of the partial; the types of all its columns are known.
    """

    def __init__(self, partial: Path, form: str, path: Path, schema: ArrowSchema) -> None:
        self._partial = partial
        self._path = path
        self._schema = schema
        self._form = form
        self._groups: RowGroups | None = None
        self._end = 0  # of what was read, in bytes
        self._rows = 0  # that were announced
        self._thread = ThreadPoolExecutor(1)
        self._job: Future[None] | None = None
        self._broken = False

    def due(self, rows: int) -> bool:
        """Whether another row group is complete, and the last one was written."""
        return rows - self._rows >= GROUP_ROWS and (self._job is None or self._job.done())

    def follow(self, end: int, rows: int) -> None:
        """Write what the partial holds up to `end` bytes, which are `rows` rows, in the thread."""
        self._rows = rows
        self._job = self._thread.submit(self._read, end)

    def finish(self, end: int) -> bool:
        """Write the rest and the footer; False if that was not possible."""
        self._thread.submit(self._read, end).result()
        self._thread.shutdown()
        if self._broken or self._groups is None:
            self._discard()
            return False
        self._groups.close()
        return True

    def abandon(self) -> None:
        """Stop, and remove the file."""
        self._thread.shutdown(cancel_futures=True)
        self._discard()

    def _read(self, end: int) -> None:
        if self._broken:
            return
        try:
            if self._groups is None:
                self._groups = RowGroups(self._form, self._path, self._schema)
            for piece in read_messages(self._partial, self._end, self._schema):
                if piece.end > end:
                    break
                self._end = piece.end
                if piece.batch is not None:
                    self._groups.add(piece.batch)
        except (OSError, ValueError):
            self._broken = True

    def _discard(self) -> None:
        if self._groups is not None:
            with suppress(OSError, ValueError):
                self._groups.close()
        self._path.unlink(missing_ok=True)

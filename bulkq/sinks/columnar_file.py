"""A Parquet or Arrow file: a partial of messages, which becomes the file when the run is complete.

A Parquet file cannot be continued: its footer describes every row group. So the partial is a stream of Arrow messages, which can be cut
behind each of them, and the file is made of it at the end. An offset in the ledger is 0 before the schema was written, and after that one
more than the number of rows. A number of rows means the same in the partial and in the finished file.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from bulkq.columnar.convert_growing_partial import GrowingFile
from bulkq.columnar.convert_partial import convert_partial
from bulkq.columnar.partial_format import PartialExtent, find_extent, pack_batch, pack_schema
from bulkq.columnar.read_output_file import rows_of, stored_batches
from bulkq.errors import RefusedError, UsageError
from bulkq.model import SinkPosition
from bulkq.sinks.file_output import FileOutput, cannot_write, write_all
from bulkq.sinks.open_partial import EarlierOutput, describe_os_error, go_on, partial_of, sync_folder
from bulkq.sinks.paths import resolve_links

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.columnar.arrow_types import ArrowSchema

MADE = ".new"
"""What follows the partial's name in that of the file while it is made."""


class ColumnarFile(FileOutput):
    """`FILE.partial` with messages, and FILE once it is complete.

    Args:
        path: of FILE.
        form: "parquet" or "arrow".
        known: the offset that an earlier process of the run left durable; None for a new run.

    Raises:
        UsageError: the folder does not exist or is not writable.
        RefusedError: a live run is writing this file; it is not what is known.
    """

    def __init__(self, path: str, form: str, known: int | None = None) -> None:
        self._form = form
        self.schemas: tuple[ArrowSchema, ...] = ()
        self.rows = 0
        self._follower: GrowingFile | None = None
        self._expected = False
        self.texts: list[str] = []
        """Columns of the finished file that are text because their values had several types."""

        earlier = None
        if known is not None:
            earlier = self._earlier(resolve_links(path), known)
        super().__init__(path, earlier)
        self._made = self._partial.with_name(self._partial.name + MADE)
        self._made.unlink(missing_ok=True)

    @property
    def offset(self) -> int:
        """The end of the output, as the ledger records it."""
        return self.rows + 1 if self.schemas else 0

    def add_schema(self, schema: ArrowSchema) -> None:
        """Append the schema of the rows that follow."""
        self._leave()
        self.append(pack_schema(schema))
        self.schemas = (*self.schemas, schema)
        if self._expected and len(self.schemas) == 1:
            self._follower = GrowingFile(self._partial, self._form, self._made, schema)

    def add_rows(self, data: bytes, rows: int) -> None:
        """Append the message of a record batch."""
        self.append(data)
        self.rows += rows
        if self._follower is not None and self._follower.due(self.rows):
            self.flush()
            self._follower.follow(self.size, self.rows)

    def follow(self) -> None:
        """Make the file while rows arrive; for a big result whose types are declared."""
        if self._follower is None and len(self.schemas) <= 1 and not self.rows:
            self._expected = True

    def positions(self) -> tuple[SinkPosition, ...]:
        """See `Sink.positions`."""
        return (SinkPosition(str(self._path), self.offset),)

    def back_to(self, mark: int) -> None:
        """Cut the output at an offset that `positions` has returned."""
        if mark == self.offset:
            return
        self._leave()
        self.flush()
        begun = PartialExtent(0, 0, ()) if not mark else find_extent(self._partial, mark - 1)
        super().back_to(begun.size)
        self.rows, self.schemas = begun.rows, begun.schemas

    async def finish(self, *, complete: bool) -> None:
        """Make the file of the partial in a thread, and give it its name; or leave the partial."""
        if complete and not self.finished and not self._failed and self._fd >= 0:
            self.flush()
            self._empty()
            try:
                self.texts = await asyncio.to_thread(self._make)
            except BaseException as error:
                self._made.unlink(missing_ok=True)
                self.close(complete=False)
                if isinstance(error, OSError):
                    raise cannot_write(self.name, error) from error
                raise
        self.close(complete=complete)

    def _make(self) -> list[str]:
        """In a thread: the file of the partial. Returns the columns that became text."""
        follower, self._follower = self._follower, None
        if follower is not None and follower.finish(self.size):
            return []
        return convert_partial(self._partial, self._form, self._made, self.schemas)

    def _leave(self) -> None:
        """Stop making the file while rows arrive: it is made at the end."""
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.abandon()

    def _let_go(self) -> None:
        self._leave()
        super()._let_go()

    def _rename(self) -> None:
        try:
            made = os.open(self._made, os.O_RDONLY)
            try:
                os.fsync(made)
            finally:
                os.close(made)
            self._settled = True
            self._made.replace(self._path)
            sync_folder(self._path.parent)
            self._partial.unlink()
        except OSError as error:
            self._failed = "" if self._settled else describe_os_error(error)
            raise cannot_write(self.name, error) from error

    def _earlier(self, path: Path, known: int) -> EarlierOutput:
        """What is known of the output of an earlier process."""
        partial = partial_of(path)
        if not known:
            return EarlierOutput(0)
        rows = known - 1
        if partial.exists():
            begun = find_extent(partial, rows)
            if begun.rows != rows or not begun.schemas:
                raise RefusedError(
                    f'"{partial.name}" does not hold the {rows:,} rows that the ledger has recorded: '
                    "the file was changed, so start a new run"
                )
        else:
            found = rows_of(path, self._form) if path.exists() else None
            begun = PartialExtent(1, rows, () if found is None else (found[1],))
        self.rows, self.schemas = begun.rows, begun.schemas
        return EarlierOutput(begun.size, b"", completed=self._completed)

    def _completed(self, path: Path) -> bool:
        found = rows_of(path, self._form)
        return found is not None and found[0] == self.rows

    def _reopen(self) -> None:
        """Make a partial of the complete file again: a target that was away has rows for it after all."""
        if self._partial.exists():
            raise RefusedError(f'"{self.name}" is being written by another run: wait for it, or start a new run')
        made = self._made
        try:
            with made.open("xb", buffering=0) as file:
                write_all(file.fileno(), pack_schema(self.schemas[-1]))
                for batch in stored_batches(self._path, self._form):
                    write_all(file.fileno(), pack_batch(batch))
            made.rename(self._partial)
        except OSError as error:
            made.unlink(missing_ok=True)
            raise UsageError(f'cannot write "{self.name}": {describe_os_error(error)}') from error
        os.close(self._fd)
        self._fd = -1
        opened = go_on(self._path, self.name, EarlierOutput(self._partial.stat().st_size, b""))
        self._fd = opened.fd
        self.size = self._kept = opened.size
        self._durable = 0
        self.finished = self._settled = False

"""A Parquet or Arrow file as rows of some of its columns, from any row on, a piece in memory at a time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from bulkq.columnar.read_output_file import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.columnar.arrow_types import ArrowSchema, RecordBatch

MAGIC = b"ARROW1"
"""With which an Arrow file begins; a stream begins with a message."""

PIECE_BYTES = 1024 * 1024
"""Bytes of a column that are read at a time, so that a row group of any size needs little memory."""

BROKEN = (pa.ArrowException, OSError, EOFError)
"""What pyarrow raises for a file that is not what its name says, or not complete."""


class BadFileError(ValueError):
    """A file that is not Parquet or Arrow, or not complete: a message for people."""


class ParquetRows:
    """The rows of a Parquet file.

    Raises:
        BadFileError: it is not one.
    """

    def __init__(self, path: str) -> None:
        try:
            self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=PIECE_BYTES)
            self.schema: ArrowSchema = self._file.schema_arrow
        except BROKEN as error:
            raise BadFileError(_reason(error)) from error
        self.rows: int = self._file.metadata.num_rows

    def batches(self, names: Sequence[str], start: int) -> Iterator[RecordBatch]:
        """The columns `names` from row `start` on, counted from 0; row groups before it are not read.

        Raises:
            BadFileError: the file is damaged.
        """
        groups, before = self._groups(start)
        columns = self._file.iter_batches(BATCH_ROWS, row_groups=groups, columns=list(names), use_threads=False)
        skip = start - before
        try:
            for batch in columns if groups else ():
                left = batch.slice(skip)
                skip = max(0, skip - batch.num_rows)
                if left.num_rows:
                    yield left
        except BROKEN as error:
            raise BadFileError(_reason(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _groups(self, start: int) -> tuple[list[int], int]:
        """The row groups from the one that holds row `start` on, and the number of rows before them."""
        metadata = self._file.metadata
        before = 0
        for group in range(metadata.num_row_groups):
            size = metadata.row_group(group).num_rows
            if before + size > start:
                return list(range(group, metadata.num_row_groups)), before
            before += size
        return [], before


class ArrowRows:
    """The rows of an Arrow file (also called Feather, version 2) or of a file that holds an Arrow stream.

    Raises:
        BadFileError: it is neither.
    """

    def __init__(self, path: str) -> None:
        try:
            self._source = pa.memory_map(path)
            whole = self._source.read(len(MAGIC)) == MAGIC
            self._source.seek(0)
            self._file = pa.ipc.open_file(self._source) if whole else None
            self.schema: ArrowSchema = self._file.schema if self._file else pa.ipc.open_stream(self._source).schema
            self.rows = sum(batch.num_rows for batch in self._each())
        except BROKEN as error:
            raise BadFileError("is neither a complete Arrow file nor an Arrow stream") from error

    def batches(self, names: Sequence[str], start: int) -> Iterator[RecordBatch]:
        """The columns `names` from row `start` on, counted from 0."""
        skip = start
        for whole in self._each():
            if skip >= whole.num_rows:
                skip -= whole.num_rows
                continue
            batch = whole.select(list(names)).slice(skip)
            skip = 0
            for begin in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(begin, BATCH_ROWS)

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self._source.close()

    def _each(self) -> Iterator[RecordBatch]:
        if self._file is not None:
            for index in range(self._file.num_record_batches):
                yield self._file.get_batch(index)
            return
        self._source.seek(0)
        yield from pa.ipc.open_stream(self._source)


def open_rows(path: str, form: str) -> ParquetRows | ArrowRows:
    """The rows of the file at `path`; `form` is "parquet" or "arrow".

    Raises:
        BadFileError: it is not such a file.
    """
    return ParquetRows(path) if form == "parquet" else ArrowRows(path)


def _reason(error: BaseException) -> str:
    """One line: what is wrong, in the library's words where they help."""
    words = " ".join(str(error).split())
    if any(part in words for part in ("magic bytes", "file size is", "footer")):
        return "is not a complete Parquet file: it has no footer"
    return f"cannot be read as Parquet: {words}"

"""A complete Parquet or Arrow file: its number of rows, its schema and its record batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bulkq.columnar.arrow_types import ArrowSchema, RecordBatch

BATCH_ROWS = 65_536
"""Rows that are read at a time."""


def rows_of(path: Path, form: str) -> tuple[int, ArrowSchema] | None:
    """Number of rows and schema of a complete file; None if it is not one."""
    try:
        if form == "parquet":
            with pq.ParquetFile(str(path)) as file:
                return file.metadata.num_rows, file.schema_arrow
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            return sum(batch.num_rows for batch in _batches_of(reader)), reader.schema
    except (pa.ArrowException, OSError):
        return None


def stored_batches(path: Path, form: str) -> Iterator[RecordBatch]:
    """The rows of a complete file."""
    if form == "parquet":
        with pq.ParquetFile(str(path), pre_buffer=False) as file:
            yield from file.iter_batches(batch_size=BATCH_ROWS, use_threads=False)
    else:
        with pa.memory_map(str(path)) as source:
            yield from _batches_of(pa.ipc.open_file(source))


def _batches_of(reader: pa.ipc.RecordBatchFileReader) -> Iterator[RecordBatch]:
    for index in range(reader.num_record_batches):
        yield reader.get_batch(index)

"""A partial as a finished file: Parquet, or an Arrow file with its footer.

The finished file depends on the rows alone, not on the batches in which they came: row groups are cut by number of rows. So a run that was
killed and resumed ends in the same bytes as one that was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from bulkq.columnar.infer_types import convert_array, unify_types
from bulkq.columnar.partial_format import read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bulkq.columnar.arrow_types import ArrowSchema, RecordBatch

GROUP_ROWS = 122_880
"""Rows of a row group, as DuckDB has them."""

GROUP_BYTES = 64 * 1024 * 1024
"""Bytes of a row group in memory, if its rows are wide."""


class FileWriter(Protocol):
    """What writes row groups into a file."""

    def write(self, table: Any) -> None:
        """Write one row group."""
        ...

    def close(self) -> None:
        """Write the footer."""
        ...


class ParquetFileWriter:
    """Parquet, compressed with Snappy, which every reader knows."""

    def __init__(self, path: Path, schema: ArrowSchema) -> None:
        self._writer = pq.ParquetWriter(str(path), schema)

    def write(self, table: Any) -> None:
        """Write one row group."""
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


class ArrowFileWriter:
    """An Arrow IPC file, which is also version 2 of Feather; not compressed, so that it can be mapped into memory."""

    def __init__(self, path: Path, schema: ArrowSchema) -> None:
        self._writer = pa.ipc.new_file(str(path), schema)

    def write(self, table: Any) -> None:
        """Write one record batch."""
        self._writer.write_table(table.combine_chunks())

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


WRITERS: Mapping[str, type[ParquetFileWriter | ArrowFileWriter]] = {
    "parquet": ParquetFileWriter,
    "arrow": ArrowFileWriter,
}


class RowGroups:
    """Record batches collected into row groups of a file."""

    def __init__(self, form: str, path: Path, schema: ArrowSchema) -> None:
        self._schema = schema
        self._writer: FileWriter = WRITERS[form](path, schema)
        self._waiting: list[RecordBatch] = []
        self._rows = 0
        self._size = 0

    def add(self, batch: RecordBatch) -> None:
        """Append rows of the schema; write every row group that is full."""
        while batch is not None and batch.num_rows:
            room = GROUP_ROWS - self._rows
            part, rest = batch.slice(0, room), batch.slice(room) if batch.num_rows > room else None
            self._waiting.append(part)
            self._rows += part.num_rows
            self._size += part.nbytes
            if self._rows >= GROUP_ROWS or self._size >= GROUP_BYTES:
                self._write()
            batch = rest

    def close(self) -> None:
        """Write what is left, and the footer."""
        if self._waiting:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting, self._rows, self._size = [], 0, 0
        self._writer.write(table)


def convert_partial(partial: Path, form: str, path: Path, schemas: Sequence[ArrowSchema]) -> list[str]:
    """Write the rows of a partial into a new file at `path`.

    Args:
        partial: whose messages are complete.
        form: a key of `WRITERS`.
        path: of the new file.
        schemas: of the partial, in their order; none of a partial without rows whose columns are not known.

    Returns:
        The names of the columns that are text because no other type holds all their values.
    """
    texts: set[str] = set()
    while True:
        schema = merge_schemas(schemas, texts)
        try:
            groups = RowGroups(form, path, schema)
            for batch in _batches(partial, schema):
                groups.add(batch)
            groups.close()
        except _Loss as loss:
            texts.add(loss.column)
        else:
            return sorted(texts | _mixed(schemas, schema))


class _Loss(Exception):
    """A column with an integer that a double cannot hold."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def _batches(partial: Path, schema: ArrowSchema) -> Iterator[RecordBatch]:
    for piece in read_messages(partial):
        if piece.batch is not None:
            yield piece.batch if piece.schema.equals(schema) else _conformed(piece.batch, schema)


def _conformed(batch: RecordBatch, schema: ArrowSchema) -> RecordBatch:
    arrays = []
    for array, field in zip(batch.columns, schema, strict=True):
        try:
            arrays.append(convert_array(array, field.type))
        except ValueError as error:
            raise _Loss(field.name) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def merge_schemas(schemas: Sequence[ArrowSchema], texts: set[str] | None = None) -> ArrowSchema:
    """The schema that holds the rows of all `schemas`; columns in `texts`, and those that are NULL everywhere, are text."""
    if not schemas:
        return pa.schema([])
    kinds = list(schemas[0].types)
    for other in schemas[1:]:
        kinds = [unify_types(kind, theirs) for kind, theirs in zip(kinds, other.types, strict=True)]
    names = schemas[0].names
    final = [
        pa.string() if name in (texts or ()) or pa.types.is_null(kind) else kind
        for name, kind in zip(names, kinds, strict=True)
    ]
    return pa.schema(list(zip(names, final, strict=True)))


def _mixed(schemas: Sequence[ArrowSchema], schema: ArrowSchema) -> set[str]:
    """Columns that are text, and were another type in one of the schemas."""
    return {
        field.name
        for index, field in enumerate(schema)
        if field.type == pa.string() and any(not _texts(theirs.types[index]) for theirs in schemas)
    }


def _texts(kind: Any) -> bool:
    return bool(kind == pa.string() or pa.types.is_null(kind))

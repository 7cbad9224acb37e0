"""The messages of a partial: a schema, then record batches; another schema where the types of later rows differ.

The format is that of an Arrow IPC stream without its end. Every message is complete in itself, so a partial can be cut behind any of them.
https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bulkq.columnar.arrow_types import ArrowSchema, RecordBatch


class Piece(NamedTuple):
    """A message: a record batch, or None for a schema, and the offset of its end in bytes."""

    schema: ArrowSchema
    batch: RecordBatch | None
    end: int


def pack_schema(schema: ArrowSchema) -> bytes:
    """The message of a schema."""
    return bytes(schema.serialize())


def pack_batch(batch: RecordBatch) -> bytes:
    """The message of a record batch."""
    return bytes(batch.serialize())


def read_messages(path: Path, start: int = 0, schema: ArrowSchema | None = None) -> Iterator[Piece]:
    """The messages of the file at `path` from the offset `start` on, without copying them into memory.

    Args:
        path: a partial, perhaps with an incomplete last message, which is left out.
        start: the end of a message.
        schema: the one in force at `start`.
    """
    if not path.stat().st_size:
        return
    with pa.memory_map(str(path)) as file:
        file.seek(start)
        size = file.size()
        while file.tell() < size:
            try:
                message = pa.ipc.read_message(file)
            except (pa.ArrowInvalid, OSError, EOFError):
                return
            if message.type == "schema":
                schema = pa.ipc.read_schema(message)
                yield Piece(schema, None, file.tell())
            else:
                yield Piece(schema, pa.ipc.read_record_batch(message, schema), file.tell())


class PartialExtent(NamedTuple):
    """The beginning of a partial: its bytes and rows, and the schemas in it."""

    size: int
    rows: int
    schemas: tuple[ArrowSchema, ...]


def find_extent(path: Path, rows: int | None) -> PartialExtent:
    """The beginning of the partial at `path` that holds a schema and `rows` rows; as much as there is if `rows` is None.

    Fewer rows in the result mean that the file does not have so many, or none of its messages ends there.
    """
    size, found = 0, 0
    schemas: list[ArrowSchema] = []
    for piece in read_messages(path):
        more = 0 if piece.batch is None else piece.batch.num_rows
        if rows is not None and (found + more > rows or (piece.batch is None and schemas and found == rows)):
            break
        if piece.batch is None:
            schemas.append(piece.schema)
        size, found = piece.end, found + more
    return PartialExtent(size, found, tuple(schemas))

"""The sink of Parquet and Arrow files: rows become record batches in `encode`, which `write` appends to the partial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.columnar.partial_format import pack_batch
from bulkq.columnar.rows_to_batches import Layouts, Unfit, find_problem, has_declared_types
from bulkq.errors import RefusedError, StoppedError, UsageError
from bulkq.model import Decoding
from bulkq.model.frozen_dataclass import frozen
from bulkq.sinks.copy_csv_to_columnar import CopiedRows
from bulkq.sinks.csv_tsv import Delimited
from bulkq.sinks.extra_columns import is_rowcount
from bulkq.sinks.text_sink import check_same_columns

if TYPE_CHECKING:
    from bulkq.columnar.arrow_types import ArrowSchema
    from bulkq.model import BatchResult, Column, Query, SinkPosition
    from bulkq.sinks.columnar_file import ColumnarFile
    from bulkq.sinks.extra_columns import ExtraColumns


@frozen
class EncodedBatch:
    """The rows of one batch, ready to be appended."""

    columns: tuple[Column, ...]
    schema: ArrowSchema
    data: bytes
    rows: int


class ColumnarSink:
    """Result rows with the types of the server, one file.

    Args:
        file: owned until `close`.
        included: the columns of `--include`.
        rowcounts: False leaves results out that only count changed rows.
    """

    decoding = Decoding.TEXT

    def __init__(self, file: ColumnarFile, included: ExtraColumns, *, rowcounts: bool) -> None:
        self.notices = file.notices
        self._file = file
        self._included = included
        self._rowcounts = rowcounts
        self._layouts = Layouts()
        self._columns: tuple[Column, ...] | None = None
        self._first = ""
        self._place = ""  # of the first query
        self._copied: CopiedRows | None = None

    @property
    def finished(self) -> bool:
        """The output was complete when it was opened: the run was killed between its end and the ledger's."""
        return self._file.finished

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:
        """See `Sink.describe`."""
        if columns and self._wanted(query, columns):
            every = self._checked(query, columns, UsageError)
            self._place = self._place or query.place
            self._agree(query.name, every, UsageError)

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """The payload is an `EncodedBatch`, or None; the weight is the length of its data.

        Raises:
            StoppedError: a value that the type of its column cannot hold exactly.
        """
        if (not result.columns and not result.rows) or not self._wanted(result.query, result.columns):
            return None, 0
        columns = self._checked(result.query, result.columns, StoppedError)
        if not result.rows:
            return EncodedBatch(columns, self._layouts.schema(columns), b"", 0), 0
        try:
            batch = self._layouts.batch(columns, self._included.values(result))
        except Unfit as error:
            raise StoppedError(f"{result.query.place}: {error}") from error
        data = pack_batch(batch)
        return EncodedBatch(columns, batch.schema, data, result.rows), len(data)

    def copy_delimiter(self) -> str | None:
        """See `ByteSink.copy_delimiter`: a comma if the server has told the types of all columns."""
        columns = self._columns
        if columns is None or self._included.names or self._included.several:
            return None
        forms = self._layouts.forms(columns)
        if not has_declared_types(forms):
            return None
        self._file.follow()
        header = Delimited(",").head(columns)
        self._copied = CopiedRows(columns, forms, header, self._place, self._append)
        return ","

    def write_bytes(self, data: bytes) -> object:
        """See `ByteSink.write_bytes`. Returns an awaitable at the end of a block."""
        assert self._copied is not None
        if not data:
            return self._copied.end()
        return self._copied.parse() if self._copied.add(data) else None

    async def write(self, payload: object) -> None:
        """Append; a schema goes before the first rows, and before rows of other types."""
        if payload is None:
            return
        assert isinstance(payload, EncodedBatch)
        self._agree("a later result", payload.columns, StoppedError)
        if payload.rows:
            self._append(payload.schema, payload.data, payload.rows)

    def mark(self) -> int:
        """The end of the output, see `bulkq.sinks.columnar_file`."""
        return self._file.offset

    def back_to(self, mark: int) -> None:
        """Cut the output at `mark`."""
        if self._copied is not None:  # what a thread still parses is forgotten with it
            self.copy_delimiter()
        self._file.back_to(mark)

    def positions(self) -> tuple[SinkPosition, ...]:
        """See `Sink.positions`; the offset counts rows."""
        return self._file.positions()

    async def fsync(self) -> None:
        """See `Sink.fsync`."""
        await self._file.fsync()

    async def close(self, *, complete: bool) -> None:
        """Make the file of the partial and give it its name, if the run reached its end."""
        if complete and self._copied is not None and not self._copied.ended:
            complete = False
            self.notices.append(f'"{self._file.name}" lacks the end of a result: it stays a partial')
        if complete and not self.finished and not self._file.schemas and self._columns:
            self._file.add_schema(self._layouts.schema(self._columns))
        await self._file.finish(complete=complete)
        self.notices.extend(
            f'column "{name}" of "{self._file.name}" has values of several types: it is written as text'
            for name in self._file.texts
        )

    def discard(self) -> None:
        """Close as if it had never been opened: for a run that ended before its first statement."""
        self._file.discard()

    def _append(self, schema: ArrowSchema, data: bytes, rows: int) -> None:
        if not self._file.schemas or not self._file.schemas[-1].equals(schema):
            self._file.add_schema(schema)
        self._file.add_rows(data, rows)

    def _wanted(self, query: Query, columns: tuple[Column, ...]) -> bool:
        return self._rowcounts or not is_rowcount(query, columns)

    def _checked(
        self, query: Query, columns: tuple[Column, ...], kind: type[UsageError | StoppedError]
    ) -> tuple[Column, ...]:
        every = self._included.columns(query, columns)
        found = find_problem(every)
        if found:
            raise kind(f"{query.place}: {found}")
        return every

    def _agree(self, name: str, columns: tuple[Column, ...], kind: type[UsageError | StoppedError]) -> None:
        if self._columns is None:
            self._continue(columns)
            self._columns, self._first = columns, name
            self.notices.extend(self._layouts.notices(columns))
        elif columns is not self._columns:
            check_same_columns(self._first, self._columns, name, columns, kind)
            self._same_types(name, columns, kind)

    def _same_types(self, name: str, columns: tuple[Column, ...], kind: type[UsageError | StoppedError]) -> None:
        """Refuse declared types that differ; columns without a type are brought together at the end."""
        assert self._columns is not None
        for ours, theirs in zip(self._columns, columns, strict=True):
            if ours.type and theirs.type and self._layouts.forms((ours,)) != self._layouts.forms((theirs,)):
                raise kind(
                    f'column "{ours.name}" is {ours.type} in "{self._first}" and {theirs.type} in "{name}": '
                    "one file cannot hold both, so cast one of them"
                )

    def _continue(self, columns: tuple[Column, ...]) -> None:
        """Refuse to continue rows that an earlier process wrote with another schema."""
        for schema in self._file.schemas:
            ours = self._layouts.schema(columns)
            same = (
                schema.equals(ours) if has_declared_types(self._layouts.forms(columns)) else schema.names == ours.names
            )
            if not same:
                (position,) = self._file.positions()
                raise RefusedError(
                    f'"{position.path}" holds {_listed(schema)}, but this process would write {_listed(ours)}: '
                    "the query or its tables have changed, so start a new run"
                ).for_good()


def _listed(schema: ArrowSchema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)

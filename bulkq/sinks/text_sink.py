"""The sink of every text format: rows become bytes in `encode`, which `write` appends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bulkq.errors import RefusedError, StoppedError, UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.sinks.extra_columns import is_rowcount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import BatchResult, Column, Decoding, Query, SinkPosition
    from bulkq.sinks.extra_columns import ExtraColumns
    from bulkq.sinks.file_output import Output


class Format(Protocol):
    """How columns become bytes. Pure; one method per place in the output."""

    decoding: Decoding
    alike: bool
    """All results must have the same columns."""

    separator: bytes
    """Stands between the rows of two batches."""

    ending: bytes
    """With which the last row ends before the tail comes."""

    delimiter: str | None
    """For COPY; None where the server cannot write this format."""

    def problem(self, columns: tuple[Column, ...]) -> str | None:
        """Why these columns cannot be written, or None."""
        ...

    def head(self, columns: tuple[Column, ...]) -> bytes:
        """What stands before the first row."""
        ...

    def tail(self, columns: tuple[Column, ...] | None, *, empty: bool) -> bytes:
        """What ends the output; `empty`: nothing was written so far, not even the head."""
        ...

    def encode(self, columns: tuple[Column, ...], values: Sequence[Sequence[object]], count: int) -> bytes:
        """`count` rows; `values` holds one sequence per column."""
        ...


@frozen
class EncodedRows:
    """The rows of one batch, ready to be appended."""

    columns: tuple[Column, ...]
    data: bytes


LONGEST_HEAD = 1024
"""So much of a file is looked at for the error that quotes its header."""


class RowEncoder:
    """Turns rows into bytes of one format. It holds no file, so it can be pickled and used in another process.

    Args:
        layout: the format.
        included: the columns of `--include`.
        rowcounts: False leaves results out that only count changed rows.
    """

    def __init__(self, layout: Format, included: ExtraColumns, *, rowcounts: bool) -> None:
        self._format = layout
        self._included = included
        self._rowcounts = rowcounts

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """The payload is an `EncodedRows`, or None; the weight is the length of its data."""
        if (not result.columns and not result.rows) or not self.wants(result.query, result.columns):
            return None, 0
        columns = self.checked(result.query, result.columns, StoppedError)
        if not result.rows:
            return EncodedRows(columns, b""), 0
        data = self._format.encode(columns, self._included.values(result), result.rows)
        return EncodedRows(columns, data), len(data)

    def wants(self, query: Query, columns: tuple[Column, ...]) -> bool:
        """Whether a result with these columns is written."""
        return self._rowcounts or not is_rowcount(query, columns)

    def checked(
        self, query: Query, columns: tuple[Column, ...], kind: type[UsageError | StoppedError]
    ) -> tuple[Column, ...]:
        """Return the columns of the output for a result that has `columns`.

        Raises:
            UsageError, StoppedError: the format cannot hold them; `kind` says which.
        """
        every = self._included.columns(query, columns)
        problem = self._format.problem(every)
        if problem:
            raise kind(f"{query.place}: {problem}")
        return every


class EncodedSink:
    """A `ByteSink` of one format, one output and the columns of `--include`."""

    def __init__(self, layout: Format, output: Output, included: ExtraColumns, *, rowcounts: bool) -> None:
        """Own `output` until `close`. `rowcounts` False: results that only count changed rows are left out."""
        self.decoding = layout.decoding
        self.notices = output.notices
        self._format = layout
        self._output = output
        self._included = included
        self.encoder = RowEncoder(layout, included, rowcounts=rowcounts)
        """For another process that encodes rows."""

        self.encode = self.encoder.encode
        self._columns: tuple[Column, ...] | None = None
        self._first = ""
        self._rows_end: tuple[SinkPosition, ...] | None = None

    @property
    def finished(self) -> bool:
        """The output was complete when it was opened: the run was killed between its end and the ledger's."""
        return self._output.finished

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:
        """See `Sink.describe`."""
        if columns and self.encoder.wants(query, columns):
            every = self.encoder.checked(query, columns, UsageError)
            self._agree(query.name, every, UsageError)

    async def write(self, payload: object) -> None:
        """Append; the head goes before the first rows."""
        if payload is None:
            return
        assert isinstance(payload, EncodedRows)
        columns, data = payload.columns, payload.data
        if columns:
            self._agree("a later result", columns, StoppedError)
        if not data:
            return
        lead = self._format.separator if self._output.size else self._format.head(columns)
        written = self._output.append(lead + data if lead else data)
        if written is not None:
            await written

    def copy_delimiter(self) -> str | None:
        """See `ByteSink.copy_delimiter`; None as well where the header, which COPY sends, is there already."""
        if self._output.start(1):
            return None
        return None if self._included.names or self._included.several else self._format.delimiter

    def write_bytes(self, data: bytes) -> object:
        """Append what COPY sent, header included. Gives an awaitable where the reader may be slow, else None."""
        return self._output.append(bytes(data)) if data else None

    def mark(self) -> int:
        """The size of the output in bytes."""
        self._output.hold()
        return self._output.size

    def back_to(self, mark: int) -> None:
        """Cut the output at `mark`.

        Raises:
            StoppedError: a reader has it already.
        """
        self._output.back_to(mark)

    def positions(self) -> tuple[SinkPosition, ...]:
        """The end of the rows: what `close` puts behind them is not for a resume to keep."""
        return self._output.positions() if self._rows_end is None else self._rows_end

    async def fsync(self) -> None:
        """See `Sink.fsync`."""
        await self._output.fsync()

    async def close(self, *, complete: bool) -> None:
        """Write the end, and give a file its name, if the run reached its end."""
        if complete and not self.finished:
            if not self._format.alike:  # a header alone is kept: the resume has nothing that would write it again
                self._rows_end = self._output.positions()
            tail = self._format.tail(self._columns, empty=not self._output.size)
            written = self._output.append(tail) if tail else None
            if written is not None:
                await written
        await self._output.finish(complete=complete)

    def discard(self) -> None:
        """Close as if it had never been opened: for a run that ended before its first statement."""
        self._output.discard()

    def _agree(self, name: str, columns: tuple[Column, ...], kind: type[UsageError | StoppedError]) -> None:
        if self._columns is None:
            self._begins_with(self._format.head(columns))
            self._columns, self._first = columns, name
        elif columns is not self._columns and self._format.alike:
            check_same_columns(self._first, self._columns, name, columns, kind)

    def _begins_with(self, head: bytes) -> None:
        """Refuse what an earlier process wrote under another header."""
        begun = self._output.start(len(head))
        if begun and begun != head:
            theirs, ours = (_first_line(text) for text in (self._output.start(LONGEST_HEAD), head))
            (position,) = self._output.positions()
            raise RefusedError(
                f'"{position.path}" starts with "{theirs}", but this process would write "{ours}": '
                "the query or its tables have changed, so start a new run"
            ).for_good()


def _first_line(text: bytes) -> str:
    return text.partition(b"\n")[0].decode("utf-8", "replace")


def check_same_columns(
    first: str,
    columns: tuple[Column, ...],
    name: str,
    others: tuple[Column, ...],
    kind: type[UsageError | StoppedError],
) -> None:
    """Raise `kind` unless both have the same column names in the same order. A run that it stops cannot be resumed."""
    ours, theirs = [c.name for c in columns], [c.name for c in others]
    if ours != theirs:
        new_run = "if its tables were changed meanwhile, start a new run; else " if kind is StoppedError else ""
        raise kind(
            f'"{first}" has the columns {", ".join(ours)}, "{name}" has {", ".join(theirs)}: '
            f"one table cannot hold both; {new_run}put {{query}} into the path of -o, or write JSON Lines"
        ).for_good()

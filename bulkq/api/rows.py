"""The rows of a run, as they arrive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, Self

from bulkq.api.raise_errors import in_terms_of_python, raise_for
from bulkq.columnar.load_pyarrow import require_pyarrow
from bulkq.engine.stop_control import Control
from bulkq.errors import BulkqError, RunFailed, StoppedError
from bulkq.model import Decoding
from bulkq.model.row import Row, row_class
from bulkq.sinks.row_queue import RowsSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from bulkq.columnar.arrow_types import ArrowSchema, RecordBatch
    from bulkq.model import BatchResult, Run, RunSummary
    from bulkq.protocols import Sink
    from bulkq.sources.iterable import MappingSource

    StartRun = Callable[[Run, MappingSource, Sink, Control], asyncio.Task[RunSummary]]

OnError = Literal["raise", "collect"]


class Rows:
    """The rows of `Database.run`, in the order of the parameter sets, as they arrive.

    Use as `async with db.run(...) as rows`, which stops the run when the block is left, or directly in `async for`.

    Attributes:
        summary: counts and failures, once the last row was given; None before.
    """

    _decoding = Decoding.PYTHON

    def __init__(self, start: StartRun, request: Run, sets: MappingSource, on_error: OnError) -> None:
        self.summary: RunSummary | None = None
        self._start_run = start
        self._request = request
        self._sets = sets
        self._on_error = on_error
        self._sink = RowsSink(decoding=self._decoding)
        self._results = aiter(self._sink)
        self._control = Control()
        self._task: asyncio.Task[RunSummary] | None = None
        self._rows: Iterator[Row] = iter(())
        self._kind: tuple[tuple[str, ...], type[Row]] = ((), Row)

    async def __aenter__(self) -> Self:
        """Start the run."""
        self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the run: what is in flight is cancelled on the server."""
        await self._stop()

    def __aiter__(self) -> AsyncIterator[Row]:
        """The rows. Starts the run if it was not started."""
        self._start()
        return self

    async def __anext__(self) -> Row:
        """The next row.

        Raises:
            RunFailed: after the last row, if a set failed and `on_error` is "raise".
            BulkqError: what would be exit code 2 to 5 on the command line.
            Exception: what the caller's parameter sets raised while they were iterated, as it is, after the rows of the sets before.
        """
        while True:
            for row in self._rows:
                return row
            result = await self._next_batch()
            if result is None:
                break
            kind = self._row_type(result)
            self._rows = map(kind, zip(*result.values, strict=True))
        await self._ended()
        raise StopAsyncIteration

    async def _next_batch(self) -> BatchResult | None:
        """The next batch with rows; None when the run has ended, also by an error."""
        assert self._task is not None
        getter = asyncio.ensure_future(anext(self._results, None))
        try:
            await asyncio.wait((getter, self._task), return_when=asyncio.FIRST_COMPLETED)
            if not getter.done() and (self._task.cancelled() or self._task.exception() is not None):
                return None
            return await getter
        finally:
            if not getter.done():
                getter.cancel()

    async def _ended(self) -> None:
        assert self._task is not None
        with in_terms_of_python():
            self.summary = await self._task
            raise_for(self.summary, self._sets.raised)
        if self.summary.exit_code and self._on_error == "raise":
            raise RunFailed(self.summary)

    def _start(self) -> None:
        if self._task is None:
            self._task = self._start_run(self._request, self._sets, self._sink, self._control)

    async def _stop(self) -> None:
        if self._task is None or self._task.done():
            return
        self._control.cancel("left before the last row")
        self._sink.leave()
        try:
            self.summary = await self._task
        except Exception as error:
            if not isinstance(error, BulkqError) and error is not self._sets.raised:
                raise

    def _row_type(self, result: BatchResult) -> type[Row]:
        names = tuple(column.name for column in result.columns)
        if self._kind[0] != names:
            self._kind = names, row_class({name: i for i, name in enumerate(names)})
        return self._kind[1]


class RecordBatches(Rows):
    """The record batches of `Database.arrow`, in the order of the parameter sets. Use it as `Rows`."""

    _decoding = Decoding.TEXT

    def __init__(self, start: StartRun, request: Run, sets: MappingSource, on_error: OnError) -> None:
        require_pyarrow("Database.arrow")
        from bulkq.columnar.one_schema_batches import StableBatches

        super().__init__(start, request, sets, on_error)
        self._stable = StableBatches()

    @property
    def schema(self) -> ArrowSchema | None:
        """The `pyarrow.Schema` of all batches; None before it is known, and after a run without rows whose types are not declared."""
        return self._stable.schema or self._stable.describe(self._sink.columns)

    async def __anext__(self) -> RecordBatch:
        """The next `pyarrow.RecordBatch`, of 1 row or more.

        Raises:
            StoppedError: a value does not fit the type of its column.
            Exception: as `Rows`.
        """
        while (result := await self._next_batch()) is not None:
            if result.rows:
                try:
                    return self._stable.batch(result.columns, result.values)
                except ValueError as error:
                    await self._stop()
                    raise StoppedError(f"{result.query.place}: {error}") from error
        await self._ended()
        raise StopAsyncIteration

"""The rows of a run, as they arrive."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Literal, Self
from warnings import warn

from bulkq.api.raise_errors import in_terms_of_python, raise_for
from bulkq.api.stop_runs import outcome, stop_run
from bulkq.columnar.load_pyarrow import require_pyarrow
from bulkq.engine.stop_control import Control
from bulkq.errors import BulkqError, RunFailed, StoppedError
from bulkq.model import Decoding
from bulkq.model.row import Row, row_class
from bulkq.sinks.row_queue import RowsSink

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from bulkq.columnar.arrow_types import ArrowSchema, RecordBatch
    from bulkq.model import BatchResult, Run, RunSummary
    from bulkq.protocols import Sink
    from bulkq.sources.iterable import MappingSource

    StartRun = Callable[[Run, MappingSource, Sink, Control], asyncio.Task[RunSummary]]

OnError = Literal["raise", "collect"]


class Rows:
    """The rows of `Database.run`, in the order of the parameter sets, as they arrive.

    Use as `async with db.run(...) as rows`, which stops the run when the block is left, or directly in `async for`. If such a loop is
    left early, the run stops when the rows are collected as garbage, with a `ResourceWarning`. A wait for a row that is cancelled
    loses no row. Several tasks may read: each row goes to one of them.

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
        self._control = Control()
        self._task: asyncio.Task[RunSummary] | None = None
        self._rows: Iterator[Row] = iter(())
        self._further: deque[Iterator[Row]] = deque()
        self._kind: tuple[tuple[str, ...], type[Row]] = ((), Row)

    async def __aenter__(self) -> Self:
        """Start the run."""
        self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the run: what is in flight is cancelled on the server."""
        await self._stop()

    def __aiter__(self) -> Self:
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
            if self._further:  # several tasks may read, and each has waited for a batch of its own
                self._rows = self._further.popleft()
                continue
            result = await self._next_batch()
            if result is None:
                break
            kind = self._row_type(result)
            self._further.append(map(kind, zip(*result.values, strict=True)))
        await self._ended()
        raise StopAsyncIteration

    async def _next_batch(self) -> BatchResult | None:
        """The next batch with rows; None when the run has ended, also by an error. A cancelled call loses no rows."""
        return await self._sink.take()

    async def _ended(self) -> None:
        assert self._task is not None
        with in_terms_of_python():
            self.summary = await outcome(self._task)
            raise_for(self.summary, self._sets.raised)
        if self.summary.exit_code and self._on_error == "raise":
            raise RunFailed(self.summary)

    def _start(self) -> None:
        if self._task is None:
            self._task = self._start_run(self._request, self._sets, self._sink, self._control)
            self._task.add_done_callback(partial(_end, self._sink))

    async def _stop(self) -> None:
        if self._task is None or self._task.done():
            return
        self._sink.leave()
        stop_run(self._task, self._control, "left before the last row")
        try:
            self.summary = await outcome(self._task)
        except Exception as error:
            if not isinstance(error, BulkqError) and error is not self._sets.raised:
                raise

    def __del__(self) -> None:
        """Stop a run whose rows will not be read: it would hold its connections until `bulkq.open` is left."""
        task = getattr(self, "_task", None)  # missing if `__init__` failed
        if task is None or task.done() or self._control.cancelled or task.get_loop().is_closed():
            return
        warn(
            "the rows of a run were left before the last one: use `async with db.run(...) as rows`, which stops the run",
            ResourceWarning,
            stacklevel=2,
            source=self,
        )
        # The collector may be in any thread.
        task.get_loop().call_soon_threadsafe(_abandon, task, self._control, self._sink)

    def _row_type(self, result: BatchResult) -> type[Row]:
        names = tuple(column.name for column in result.columns)
        if self._kind[0] != names:
            self._kind = names, row_class({name: i for i, name in enumerate(names)})
        return self._kind[1]


def _end(sink: RowsSink, _: object) -> None:
    """Let the reader know that the run has ended. Refers to the sink alone, so that rows that are dropped are collected."""
    sink.end()


def _abandon(task: asyncio.Task[RunSummary], control: Control, sink: RowsSink) -> None:
    sink.leave()
    stop_run(task, control, "left before the last row")


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

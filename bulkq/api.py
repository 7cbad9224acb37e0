"""The Python API: `async with bulkq.open(url) as db`, then `db.run` for rows and `db.execute` for a summary.

Runs are the same as the command line's. Lanes live in the task group of `bulkq.open`; nothing outlives it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from bulkq import query as queries
from bulkq.columnar.load_pyarrow import require_pyarrow
from bulkq.dialects import DEFAULT, dialect_for
from bulkq.drivers import dialect_of
from bulkq.engine.pool import ConnectionPool
from bulkq.engine.stop_control import Control
from bulkq.errors import BulkqError, RefusedError, RunFailed, StoppedError, TargetError, UsageError
from bulkq.lifecycle.api_arguments import allowed, check_numbers, in_python, shown, throttles
from bulkq.lifecycle.command_steps import CallerResources
from bulkq.model import Decoding, Query, Run, RunSummary, Target
from bulkq.model.row import Row, row_class
from bulkq.model.run import LimitOptions, OutputOptions, QueryOptions, SafetyOptions, TargetOptions
from bulkq.policy.safety import refuse
from bulkq.sinks.discard_rows import NoSink
from bulkq.sinks.row_queue import RowsSink
from bulkq.sources.iterable import MappingSource
from bulkq.targets import load_config, open_target, resolve
from bulkq.tasks.run import run
from bulkq.text import urls

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping

    from bulkq.columnar.types import ArrowSchema, RecordBatch
    from bulkq.model import BatchResult
    from bulkq.protocols import Sink

    ParameterSets = Iterable[Mapping[str, object]] | AsyncIterable[Mapping[str, object]]

OnError = Literal["raise", "collect"]


class Rows:
    """The rows of `Database.run`, in the order of the parameter sets, as they arrive.

    Use as `async with db.run(...) as rows`, which stops the run when the block is left, or directly in `async for`.

    Attributes:
        summary: counts and failures, once the last row was given; None before.
    """

    _decoding = Decoding.PYTHON

    def __init__(self, database: Database, request: Run, sets: ParameterSets, on_error: OnError) -> None:
        self.summary: RunSummary | None = None
        self._database = database
        self._request = request
        self._sets = MappingSource(request.queries.selected[0], sets, dynamic=database.dynamic)
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
        with _spoken():
            self.summary = await self._task
            raise_for(self.summary, self._sets.raised)
        if self.summary.exit_code and self._on_error == "raise":
            raise RunFailed(self.summary)

    def _start(self) -> None:
        if self._task is None:
            self._task = self._database.start(self._request, self._sets, self._sink, self._control)

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

    def __init__(self, database: Database, request: Run, sets: ParameterSets, on_error: OnError) -> None:
        require_pyarrow("Database.arrow")
        from bulkq.columnar.one_schema_batches import StableBatches

        super().__init__(database, request, sets, on_error)
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


class Database:
    """A target with its connections, from `bulkq.open`. Several runs may share it, one after the other or at once."""

    def __init__(
        self, target: Target, concurrency: int | None, group: asyncio.TaskGroup, *, confirm: str | None
    ) -> None:
        self.target = target
        self._confirm = confirm
        self.concurrency = concurrency
        self._group = group
        self._sessions: dict[bool, ConnectionPool] = {}
        self._controls: set[Control] = set()
        self._closed = False
        self.dynamic = dialect_for(dialect_of(target.url)).dynamic_types

    def run(
        self,
        query: str | Query,
        parameter_sets: ParameterSets = ({},),
        *,
        timeout: float | None = 30.0,
        on_error: OnError = "raise",
        retries: int = 5,
        map: str | None = None,  # noqa: A002 - as the option is called
        throttle: Iterable[str] = (),
    ) -> Rows:
        """Run `query` read-only for every parameter set and give the result rows in the order of the sets.

        Args:
            query: SQL with `:name` placeholders, or a `Query` from `bulkq.load`.
            parameter_sets: mappings from parameter name to a Python value of the type the database expects; consumed lazily. What
                they raise ends the run and is raised by `Rows`, after the rows of the sets that came before.
            timeout: seconds for each query, enforced by the server; None for no limit.
            on_error: "raise" raises `RunFailed` after the last row if a set failed; "collect" leaves it to `Rows.summary`.
            retries: attempts after the first for errors that are known to be safe to repeat.
            map: "module:function", which is given the rows of one parameter set as dicts, and gives dicts, in processes of its own.
            throttle: expressions such as "file:/run/hold": no batch starts while one of them holds.
        """
        if on_error not in {"raise", "collect"}:
            raise UsageError(f'on_error={on_error!r}: "raise" or "collect"')
        if map is not None and not isinstance(map, str):
            raise UsageError(f'map={shown(map)}: "module:function"')
        request = self._request(query, write=False, timeout_s=timeout, retries=retries, throttle=throttles(throttle))
        return Rows(self, replace(request, output=OutputOptions(map=map)), parameter_sets, on_error)

    def arrow(
        self,
        query: str | Query,
        parameter_sets: ParameterSets = ({},),
        *,
        timeout: float | None = 30.0,
        on_error: OnError = "raise",
        retries: int = 5,
    ) -> RecordBatches:
        """Run `query` as `run` does, and give the rows as record batches of pyarrow with one schema, which follows from the server's types.

        `pip install 'bulkq[parquet]'` installs pyarrow. The arguments are those of `run`. Types are those of `-o FILE.parquet`; a column
        without a declared type has the type of its first values.
        """
        request = self._request(query, write=False, timeout_s=timeout, retries=retries)
        return RecordBatches(self, request, parameter_sets, on_error)

    async def execute(
        self,
        query: str | Query,
        parameter_sets: ParameterSets = ({},),
        *,
        write: bool = False,
        allow: Iterable[str] = (),
        timeout: float | None = 30.0,  # noqa: ASYNC109 - enforced by the server, not around an await
        retries: int = 5,
        ordered: bool = False,
        throttle: Iterable[str] = (),
    ) -> RunSummary:
        """Run `query` for every parameter set, drop the rows, give the counts.

        With `write=True` each batch is one transaction. Runs of the library keep no record: a killed one cannot be continued; for
        that, and for exactly-once writes, use the command line.

        Args:
            query: SQL with `:name` placeholders, or a `Query` from `bulkq.load`.
            parameter_sets: mappings from parameter name to a Python value; consumed lazily. What they raise ends the run: what was
                begun is finished, with `write` committed, and then it is raised.
            write: allow the statement to change data.
            allow: what the safety rules would refuse: "unbounded", "truncate", "ddl".
            timeout: seconds for each query, enforced by the server; None for no limit.
            retries: attempts after the first for errors that are known to be safe to repeat.
            ordered: apply the sets on one lane, in their order. Without it, sets that name the same row by parameters keep their order.
            throttle: expressions such as "file:/run/hold": no batch starts while one of them holds.

        Raises:
            BulkqError: what would be exit code 2 to 5 on the command line. Failed sets are only counted.
            Exception: what `parameter_sets` raised while they were iterated, as it is.
        """
        request = self._request(
            query, write=write, timeout_s=timeout, retries=retries, allow=allowed(allow), throttle=throttles(throttle)
        )
        if ordered:
            request = replace(request, limits=replace(request.limits, ordered=True, concurrency=1))
        reading = self._sessions.get(False)
        if write and reading is not None and reading.driver.capabilities.in_process:
            await reading.close()  # a file that is open for reading only cannot be opened otherwise by the same process
        source = MappingSource(request.queries.selected[0], parameter_sets, dynamic=self.dynamic)
        with _spoken():
            summary = await self.start(request, source, NoSink(), Control())
            raise_for(summary, source.raised)
        return summary

    def start(self, request: Run, source: MappingSource, sink: Sink, control: Control) -> asyncio.Task[RunSummary]:
        """Begin a run in the task group of `bulkq.open`."""
        if self._closed:
            raise UsageError("bulkq.open was left: this database is closed")
        given = CallerResources(source, sink, self._sessions_for(write=request.safety.write))
        # Errors travel in the task's result: one run that fails must not take its neighbours down.
        inner = run(request, control=control, given=given)
        future: asyncio.Task[RunSummary] = asyncio.get_running_loop().create_task(inner)
        self._controls.add(control)
        future.add_done_callback(lambda _: self._controls.discard(control))
        self._group.create_task(_outlive(future, control))
        return future

    def stop(self) -> None:
        """Cancel every run that has not ended; there will be no other."""
        self._closed = True
        for control in self._controls:
            control.cancel("bulkq.open was left")

    async def close(self) -> None:
        """Close the connections that are kept."""
        for sessions in self._sessions.values():
            await sessions.close()

    def _sessions_for(self, *, write: bool) -> ConnectionPool:
        if write not in self._sessions:
            driver = open_target(self.target, application_name="bulkq", read_only=not write)
            self._sessions[write] = ConnectionPool(driver, outage_s=300.0, say=lambda _: None, writes=write)
        return self._sessions[write]

    def _request(
        self,
        query: str | Query,
        *,
        write: bool,
        timeout_s: float | None,
        retries: int,
        allow: frozenset[str] = frozenset(),
        throttle: tuple[str, ...] = (),
    ) -> Run:
        check_numbers(timeout_s, retries)
        if isinstance(query, str):
            query = queries.inline(query, dialect_of(self.target.url))
        elif not isinstance(query, Query):
            raise UsageError(f"query={shown(query)}: SQL text, or a Query from bulkq.load")
        error = refuse(query, write=write, allow=allow)
        if error is None and write and self.target.protected and self._confirm != self.target.name:
            error = RefusedError(f'target "{self.target.name}" is protected: open it with confirm="{self.target.name}"')
        if error is not None:
            with _spoken():
                raise error
        return Run(
            queries=QueryOptions(selected=(query,)),
            targets=TargetOptions(selected=(self.target,)),
            limits=LimitOptions(
                concurrency=self.concurrency,
                timeout_s=timeout_s,
                timeout_given=timeout_s != 30.0,
                retries=retries,
                throttle=throttle,
            ),
            safety=SafetyOptions(write=write, allow=allow, ledger="none"),
        )


@asynccontextmanager
async def open(  # noqa: A001 - `bulkq.open`, as documented
    target: str, concurrency: int | Literal["auto"] = 8, *, confirm: str | None = None
) -> AsyncIterator[Database]:
    """Open a target for runs with at most `concurrency` lanes, each with one connection.

    Args:
        target: `postgresql://...`, `sqlite:///...`, or the name of a target in `bulkq.toml` or `[tool.bulkq]`, which are looked
            for from the current folder upwards; connections are made when a run needs them.
        concurrency: lanes, 1 or more; "auto": as many as are useful, found while a run works.
        confirm: the name of a protected target, so that `execute(..., write=True)` may change it.

    Raises:
        UsageError: the URL cannot be used, or the name is not known.
    """
    if concurrency != "auto" and (not isinstance(concurrency, int) or concurrency < 1):
        raise UsageError(f'concurrency={concurrency}: must be at least 1, or "auto"')
    one = _one(target)
    open_target(one, application_name="bulkq", read_only=True)  # a bad URL is an error here, not in the first run
    failed: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        database = Database(one, None if concurrency == "auto" else concurrency, group, confirm=confirm)
        try:
            yield database
        except BaseException as error:  # noqa: BLE001 - raised again below, as itself and not inside an exception group
            failed = error
        database.stop()
    await database.close()
    if failed is not None:
        raise failed


def _one(text: str) -> Target:
    """The target of a URL or a name; files are read for a name only."""
    if not isinstance(text, str):
        raise UsageError(f"target={shown(text)}: a URL, or the name of a target in bulkq.toml")
    if urls.scheme(text) is not None:
        return Target(url=text)
    found = resolve((text,), load_config())
    if len(found) > 1:
        raise UsageError(f'"{text}" is {len(found)} targets: open them one by one')
    return found[0]


@contextmanager
def _spoken() -> Iterator[None]:
    """Refusals inside this block advise what can be written in Python."""
    try:
        yield
    except RefusedError as error:
        error.args = (in_python(str(error)),)
        raise


def load(path: str | Path, dialect: str = DEFAULT) -> dict[str, Query]:
    """The queries of a `.sql` file by name.

    Raises:
        UsageError: the file cannot be read.
        QueryFileError: the file cannot be understood; every line says `file:line`.
    """
    if not isinstance(path, str | Path):
        raise UsageError(f"path={shown(path)}: the path of a .sql file")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f'no such file: "{path}"') from error
    except OSError as error:
        raise UsageError(f'cannot read "{path}": {(error.strerror or str(error)).lower()}') from error
    except ValueError as error:  # not UTF-8, or a name that no file can have
        raise UsageError(f'cannot read "{path}": {error}') from error
    return {query.name: query for query in queries.load(text, str(path), dialect)}


def raise_for(summary: RunSummary, raised: Exception | None = None) -> None:
    """Raise what a summary with exit code 3 to 5 stands for, or what the caller's own parameter sets have `raised`."""
    if raised is not None:
        raise raised
    kinds: dict[int, type[BulkqError]] = {3: TargetError, 4: RefusedError, 5: StoppedError}
    if summary.exit_code in kinds:
        raise kinds[summary.exit_code](summary.reason or f"{summary.unknown} parameter sets have an unknown outcome")


async def _outlive(task: asyncio.Task[RunSummary], control: Control) -> None:
    """Keep a run inside the task group: when the group is cancelled, the run is, and is waited for."""
    try:
        await asyncio.wait((task,))
    finally:
        if not task.done():
            control.cancel("bulkq.open was left")
            await asyncio.wait((task,))

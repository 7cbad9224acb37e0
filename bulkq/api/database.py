"""A target that runs are executed on: `Database.run` for rows, `execute` for a summary, `backfill` for a whole table.

`bulkq.lifecycle.check_api_arguments` checks the arguments. Lanes live in the task group of `bulkq.open`; nothing outlives it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack

from bulkq import query as queries
from bulkq.api import backfill as backfills
from bulkq.api.raise_errors import in_terms_of_python, raise_for, refuse_unusable
from bulkq.api.rows import OnError, RecordBatches, Rows
from bulkq.api.stop_runs import LEFT, outcome_or_stop, outlive, stop_run
from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.engine.pool import ConnectionPool
from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError, RunFailed, UsageError
from bulkq.lifecycle.check_api_arguments import (
    PaceArguments,
    allowed,
    check_concurrency,
    check_numbers,
    check_on_error,
    limits_of_pace,
    shard_of,
    shown,
)
from bulkq.lifecycle.command_steps import CallerResources
from bulkq.model import Query, Run, RunSummary, Target
from bulkq.model.run import (
    BackfillOptions,
    LimitOptions,
    OutputOptions,
    QueryOptions,
    SafetyOptions,
    SourceOptions,
    TargetOptions,
)
from bulkq.policy.safety import refuse, refuse_options
from bulkq.sinks.discard_rows import NoSink
from bulkq.sources.iterable import MappingSource
from bulkq.targets import open_target, with_replicas
from bulkq.tasks.run import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Mapping

    from bulkq.protocols import Sink
    from bulkq.targets import Config

    ParameterSets = Iterable[Mapping[str, object]] | AsyncIterable[Mapping[str, object]]


class Database:
    """A target with its connections, from `bulkq.open`. Several runs may share it, one after the other or at once."""

    def __init__(
        self, target: Target, concurrency: int | None, group: asyncio.TaskGroup, *, confirm: str | None, config: Config
    ) -> None:
        self.target = target
        self.steerable = False
        self._config = config
        self._confirm = confirm
        self.concurrency = concurrency
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._sessions: dict[bool, ConnectionPool] = {}
        self._runs: dict[asyncio.Task[RunSummary], Control] = {}
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
        shard: str | None = None,
        throttle: Iterable[str] = (),
        **pace: Unpack[PaceArguments],
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
            shard: "I/N" runs every N-th set, beginning with set I. Numbers in failures are those of all sets.
            throttle: expressions such as "file:/run/hold": no batch starts while one of them holds. They are added to those that
                `bulkq.toml` has for the target; "none" leaves these out, if `bulkq.open` has the target's name as `confirm`.
            pace: `throttle_every` and `throttle_timeout` in seconds, `critical`, `on_critical`, `window`, `nice` and `max_rate`, as the
                options of the command line.
        """
        check_on_error(on_error)
        if map is not None and not isinstance(map, str):
            raise UsageError(f'map={shown(map)}: "module:function"')
        request = self._request(
            query, write=False, timeout_s=timeout, retries=retries, shard=shard, pace=limits_of_pace(throttle, pace)
        )
        sets = MappingSource(request.queries.selected[0], parameter_sets, dynamic=self.dynamic)
        return Rows(self.start, replace(request, output=OutputOptions(map=map)), sets, on_error)

    def arrow(
        self,
        query: str | Query,
        parameter_sets: ParameterSets = ({},),
        *,
        timeout: float | None = 30.0,
        on_error: OnError = "raise",
        retries: int = 5,
        shard: str | None = None,
        throttle: Iterable[str] = (),
        **pace: Unpack[PaceArguments],
    ) -> RecordBatches:
        """Run `query` as `run` does, and give the rows as record batches of pyarrow with one schema, which follows from the server's types.

        `pip install 'bulkq[parquet]'` installs pyarrow. The arguments are those of `run`. Types are those of `-o FILE.parquet`; a column
        without a declared type has the type of its first values.
        """
        request = self._request(
            query, write=False, timeout_s=timeout, retries=retries, shard=shard, pace=limits_of_pace(throttle, pace)
        )
        sets = MappingSource(request.queries.selected[0], parameter_sets, dynamic=self.dynamic)
        return RecordBatches(self.start, request, sets, on_error)

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
        shard: str | None = None,
        throttle: Iterable[str] = (),
        **pace: Unpack[PaceArguments],
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
            shard: "I/N" runs every N-th set, beginning with set I. Sets of different shards are applied in no order.
            throttle: expressions such as "file:/run/hold": no batch starts while one of them holds. They are added to those that
                `bulkq.toml` has for the target; "none" leaves these out, if `bulkq.open` has the target's name as `confirm`.
            pace: as of `run`.

        Raises:
            BulkqError: what would be exit code 2 to 5 on the command line. Failed sets are only counted.
            Exception: what `parameter_sets` raised while they were iterated, as it is.
        """
        request = self._request(
            query,
            write=write,
            timeout_s=timeout,
            retries=retries,
            allow=allowed(allow),
            shard=shard,
            pace=limits_of_pace(throttle, pace),
        )
        if ordered:
            request = replace(request, limits=replace(request.limits, ordered=True, concurrency=1))
        if write:
            await self._let_write()
        source = MappingSource(request.queries.selected[0], parameter_sets, dynamic=self.dynamic)
        with in_terms_of_python():
            control = Control()
            summary = await outcome_or_stop(self.start(request, source, NoSink(), control), control)
            raise_for(summary, source.raised)
        return summary

    async def backfill(  # noqa: PLR0913 - the options of the command line
        self,
        over: str | None = None,
        *,
        set: str | Iterable[str] = (),  # noqa: A002 - as the option is called
        delete: bool = False,
        query: str | Query | None = None,
        where: str | None = None,
        key: str | Iterable[str] = (),
        verify: str | None = None,
        select: str | None = None,
        map: str | None = None,  # noqa: A002 - as the option is called
        map_timeout: float | None = None,
        lock: bool = True,
        capture: bool = False,
        param: Mapping[str, object] | None = None,
        upper: Literal["fixed", "open"] = "fixed",
        target_time: float = 0.5,
        min_rows: int = 10,
        max_rows: int = 100_000,
        concurrency: int | Literal["auto"] = 2,
        timeout: float | None = 30.0,  # noqa: ASYNC109 - enforced by the server, not around an await
        lock_timeout: float | None = 2.0,
        retries: int = 5,
        throttle: Iterable[str] = (),
        max_affected: int | None = None,
        allow: Iterable[str] = (),
        name: str | None = None,
        ledger: str = "auto",
        on_error: OnError = "raise",
        **pace: Unpack[PaceArguments],
    ) -> RunSummary:
        """Change or delete the rows of a table by ranges of its key, each range exactly once and in a transaction of its own.

        The run is that of `bulkq backfill`, with a record in the ledger: after a kill or a stop, `bulkq resume RUN` on the command line
        continues it. It has connections of its own. If the task is cancelled, bulkq rolls back the ranges that are being executed.

            await db.backfill("users", set="phone_norm = norm_phone(phone)", where="phone_norm is null")

        Args:
            over: the table, as in SQL: `users`, `public.users`. A query may name it with `@over`.
            set: `column = expression`, or several, for every row or for those of `where`.
            delete: delete the rows of `where`.
            query: instead of `set` and `delete`, a statement with `:range`: SQL, or a `Query` from `bulkq.load`. With `map`, the
                query that takes what the function gives.
            where: a condition for the rows that are changed or deleted.
            key: columns of a unique index to cut ranges by; by default the primary key, or the narrowest unique index.
            verify: a query that gives 0 or no row when nothing is left; by default the number of rows that still match `where`.
            select: a query with `:range`, whose rows go through the function of `map`.
            map: "MODULE:FUNCTION". It gets the rows of a range as dicts and returns dicts: the parameter sets of `query`. It runs in
                processes of its own.
            map_timeout: seconds for the rows of a range; by default those of the query.
            lock: rows are locked before they are compared with what the function got.
            capture: keep what the rows were before, for `undo`.
            param: values of the parameters of `query`, or of `select`, beside the range, as texts, numbers, dates or UUIDs.
            upper: "fixed": the last range ends at the last row of the start; "open": rows inserted meanwhile are done too.
            target_time: seconds that the transaction of a range aims at; the number of rows follows from it.
            min_rows: of a range, at least.
            max_rows: of a range, at most.
            concurrency: lanes of this run, 1 or more; "auto": as many as are useful.
            timeout: seconds for each range, enforced by the server; None for no limit.
            lock_timeout: seconds that a range waits for a lock; None for no limit.
            retries: attempts after the first for errors that are known to be safe to repeat.
            throttle: expressions such as "file:/run/hold": no range starts while one of them holds.
            pace: as of `run`.
            max_affected: stop before more rows than this are changed.
            allow: "seqscan" for a statement that reads the whole table for each range, "unbounded" for a range of other rows,
                "hidden" if row level security hides rows of other tables from the role.
            name: of the run, in `bulkq runs`; by default that of the statement.
            ledger: where the run is recorded: "auto", a path, a URL; "none" records nothing, and a killed run cannot be continued.
            on_error: "raise" raises `RunFailed` if a range failed or rows are left; "collect" leaves both to the summary.

        Returns:
            The summary: `ok` and `failed` count ranges, `changed` counts rows. `status` is "incomplete" if the verification found
            rows that are left, and `reason` has their number.

        Raises:
            UsageError: an argument is wrong, or there is no such table or column. Nothing was changed.
            RefusedError: the table has no key that ranges can be cut by, or a safety rule refuses.
            RunFailed: a range failed, or rows are left.
            StoppedError: the run stopped early. `bulkq resume` continues it.
            BulkqError: the target cannot be reached, or the ledger cannot be written.
        """
        check_on_error(on_error)
        check_numbers(timeout, retries)
        check_numbers(lock_timeout, retries, "lock_timeout")
        check_concurrency(concurrency)
        values = backfills.values_of(param)
        options = BackfillOptions(
            over=over or "",
            key=backfills.names_of("key", key),
            assignments=backfills.names_of("set", set),
            delete=delete,
            where=where,
            verify=verify,
            select=select,
            map=map,
            map_timeout_s=map_timeout,
            lock=lock,
            capture=capture,
            target_time_s=target_time,
            min_rows=min_rows,
            max_rows=max_rows,
            upper=upper,
        )
        limits = LimitOptions(
            concurrency=None if concurrency == "auto" else concurrency,
            timeout_s=timeout,
            timeout_given=timeout != 30.0,
            lock_timeout_s=lock_timeout,
            lock_timeout_given=lock_timeout != 2.0,
            retries=retries,
            **limits_of_pace(throttle, pace, backfill=True),
        )
        safety = SafetyOptions(write=True, allow=allowed(allow), ledger=ledger, max_affected=max_affected)
        with in_terms_of_python():
            request = backfills.request_of(self.target, query, options, limits, safety, values)
            request = with_replicas(request, self._config)
            counted = None if max_affected is None else "--max-affected"
            self._refuse(request.queries.selected[0], write=True, allow=safety.allow, limits=limits, counted=counted)
        named = replace(request, queries=replace(request.queries, name=name))
        return await self._change_table(lambda control: backfills.run_backfill(named, control), on_error)

    async def undo(self, run: str, *, ledger: str = "auto", on_error: OnError = "raise") -> RunSummary:
        """Give the rows that a backfill with `capture` changed or deleted their old values back, as `bulkq undo RUN` does.

        Args:
            run: its id, `RunSummary.run`. Lanes and limits are those of that run.
            ledger: where it is recorded, and where the undo is.
            on_error: "raise" raises `RunFailed` if rows have changed since, which stay as they are; "collect" leaves them to the summary.

        Raises:
            UsageError: there is no such run, or it has kept nothing.
            RefusedError: it is still executed, or this is another database.
            BulkqError: as for `backfill`.
        """
        check_on_error(on_error)
        return await self._change_table(
            lambda control: backfills.run_undo(run, self.target, self._confirm, ledger, control), on_error
        )

    async def _change_table(
        self, execute: Callable[[Control], Coroutine[None, None, RunSummary]], on_error: OnError
    ) -> RunSummary:
        await self._let_write()
        control = Control(listens=self.steerable)
        with in_terms_of_python():
            summary = await outcome_or_stop(self._begin(execute(control), control), control)
            raise_for(summary)
        if summary.exit_code and on_error == "raise":
            raise RunFailed(summary)
        return summary

    def start(self, request: Run, source: MappingSource, sink: Sink, control: Control) -> asyncio.Task[RunSummary]:
        """Begin a run in the task group of `bulkq.open`."""
        refuse_unusable(self._loop, closed=self._closed)
        control.listens = self.steerable
        given = CallerResources(source, sink, self._sessions_for(write=request.safety.write))
        return self._begin(run(request, control=control, given=given), control)

    def _begin(self, inner: Coroutine[None, None, RunSummary], control: Control) -> asyncio.Task[RunSummary]:
        # Errors travel in the task's result: one run that fails must not take its neighbours down.
        future: asyncio.Task[RunSummary] = asyncio.get_running_loop().create_task(inner)
        self._runs[future] = control
        future.add_done_callback(self._runs.pop)
        self._group.create_task(outlive(future, control))
        return future

    async def _let_write(self) -> None:
        """Close a file that is open for reading only: the same process cannot open it otherwise."""
        refuse_unusable(self._loop, closed=self._closed)
        reading = self._sessions.get(False)
        if reading is not None and reading.driver.capabilities.in_process:
            await reading.close()

    def stop(self) -> None:
        """Cancel every run that has not ended; there will be no other."""
        self._closed = True
        for task, control in self._runs.items():
            stop_run(task, control, LEFT)

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
        shard: str | None = None,
        pace: Mapping[str, Any] | None = None,
    ) -> Run:
        check_numbers(timeout_s, retries)
        if isinstance(query, str):
            query = queries.inline(query, dialect_of(self.target.url))
        elif not isinstance(query, Query):
            raise UsageError(f"query={shown(query)}: SQL text, or a Query from bulkq.load")
        limits = LimitOptions(
            concurrency=self.concurrency,
            timeout_s=timeout_s,
            timeout_given=timeout_s != 30.0,
            retries=retries,
            **(pace or {}),
        )
        with in_terms_of_python():
            self._refuse(query, write=write, allow=allow, limits=limits)
        request = Run(
            queries=QueryOptions(selected=(query,)),
            sources=SourceOptions(shard=shard_of(shard)),
            targets=TargetOptions(selected=(self.target,)),
            limits=limits,
            safety=SafetyOptions(write=write, allow=allow, ledger="none"),
        )
        return with_replicas(request, self._config)

    def _refuse(
        self,
        query: Query,
        *,
        write: bool,
        allow: frozenset[str],
        limits: LimitOptions,
        counted: str | None = None,
    ) -> None:
        """Raise the error of the safety rules for `query`, if they turn it down."""
        error = refuse(query, write=write, allow=allow) or refuse_options(query, idempotent=False, counted=counted)
        if error is None and write and self.target.protected and self._confirm != self.target.name:
            error = RefusedError(f'target "{self.target.name}" is protected: open it with confirm="{self.target.name}"')
        unthrottled = self.target.throttle and not limits.target_throttles
        if error is None and unthrottled and self._confirm != self.target.name:
            error = RefusedError(
                f'target "{self.target.name}" has throttles: open it with confirm="{self.target.name}" to run without them'
            )
        if error is not None:
            raise error

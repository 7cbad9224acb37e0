"""The connections that a run has in one worker process, and the requests that it sends there.

A request and its answer are pickled: both processes run the same bulkq for the same user, as Dask's own messages require.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulkq.engine.executors.copied_bytes import CopiedBytes
from bulkq.engine.executors.garbage_collection import thresholds
from bulkq.engine.executors.map_and_encode_rows import PartRows
from bulkq.engine.executors.standstill import StandstillWatch
from bulkq.errors import BulkqError, StoppedError
from bulkq.model.frozen_dataclass import frozen
from bulkq.protocols import SnapshotConnection, WarningDriver
from bulkq.targets import open_target
from bulkq.targets.same_database import list_places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from bulkq.engine.executors.map_and_encode_rows import PartDefinition
    from bulkq.model import AttemptSteps, Batch, Claim, Decoding, Limits, ParameterSet, Query, Reply, Server, Target
    from bulkq.protocols import Connection, Driver, Statement

LOOK_S = 0.5
"""Seconds between two looks for a sign of life."""

SHORT = 1_000
"""Rows of a piece with which a stream probably ends: most answers of a slow query are short, and another request is a round trip."""

END_S = 4.0
"""Seconds that cancelled requests get to stop their statements on the server."""


@frozen(kw_only=True)
class SessionSettings:
    """What a worker is told of a run.

    Attributes:
        session: the id of the session. A worker that was lost and is used again gets another one.
        run: the id of the run.
        application_name: how the server's lists of sessions show the connections.
        read_only: connections that cannot write.
        folder: the current folder of the run, for modules of `--map`.
        lease_s: seconds without a sign of life of the run after which the session ends.
        still_s: seconds that this process may stand still, fewer than those after which the run sends its batches to another worker.
        keeps_interrupts: False: the process ignores SIGINT, because Ctrl-C reaches it along with the run's own process.
        socket: Unix socket of the run, if the worker is on its machine; "" for none.
    """

    session: str
    run: str
    application_name: str
    read_only: bool
    folder: str
    lease_s: float
    still_s: float = 9.0
    keeps_interrupts: bool = True
    socket: str = ""


@frozen
class PreparedStatement:
    """What a prepared statement is, for the process that asked for it."""

    columns: tuple[Any, ...]
    returns_rows: bool | None
    parameter_types: tuple[str, ...]
    single: bool


@frozen
class AttemptAnswer:
    """What came of an attempt."""

    reply: Reply | None  # None: it was rolled back, because it would have changed `rows` rows
    rows: int = 0
    commit_s: float | None = None
    warnings: int = 0  # of its target in this session, so far
    warning_texts: tuple[str, ...] = ()  # of the first few


class TooManyRows(BulkqError):
    """An attempt would change more rows than it was allowed to; it was rolled back."""

    def __init__(self, rows: int) -> None:
        super().__init__(f"{rows} rows")
        self.rows = rows


class WorkerSession:
    """Connections, statements and running requests of one run in this process.

    The session ends by itself if the run gives no sign of life for `SessionSettings.lease_s`: running statements are cancelled on
    the server, and the connections are closed. It also ends if the process stood still: what it was sent is late, and not carried out.
    """

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.ended = False
        self._seen_s = time.monotonic()
        self._drivers: dict[int, Driver] = {}
        self._warning_drivers: dict[int, WarningDriver] = {}
        self._connections: dict[int, Connection] = {}
        self._statements: dict[int, tuple[Query, Decoding, bool, Mapping[str, str]]] = {}
        self._queries: dict[tuple[str, str], Query] = {}  # of steps
        self._parts: dict[int, PartRows] = {}
        self._streams: dict[int, AsyncIterator[Reply]] = {}
        self._copies: dict[int, CopiedBytes] = {}
        self._running: dict[int, tuple[asyncio.Task[object], int | None]] = {}
        self._ending: Any = None  # closes everything
        thresholds.raise_for_session()
        self._watch = asyncio.create_task(self._watch_lease(), name=f"bulkq lease {settings.session}")
        self._standstill = StandstillWatch(settings.still_s, self.end_soon)

    @property
    def busy(self) -> bool:
        """Whether a request uses a connection now."""
        return any(connection is not None for _, connection in self._running.values())

    async def handle(self, data: bytes) -> bytes:
        """Carry out one request and return its answer, both pickled."""
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.begin(data, lambda answer: None if answered.done() else answered.set_result(answer))
        return await answered

    def begin(self, data: bytes, reply: Callable[[bytes], None]) -> None:
        """Begin one request. Its answer is given to `reply`, both pickled; b"" if the session has ended."""
        self._standstill.look()
        if self.ended:
            reply(b"")
            return
        self._seen_s = time.monotonic()
        number, name, connection, arguments = pickle.loads(data)  # noqa: S301 - see the module
        task: asyncio.Task[object] = asyncio.ensure_future(getattr(self, f"on_{name}")(*arguments))
        self._running[number] = task, connection
        task.add_done_callback(partial(self._answer, number, reply))

    def end_soon(self) -> None:
        """End the session without waiting for it. No request that runs goes on from here, also if its answer has just arrived."""
        self._ending = self._ending or asyncio.ensure_future(self._close(self._stop()))

    async def end(self) -> None:
        """Cancel what runs, on the server too, and close all connections."""
        self.end_soon()
        await asyncio.wait([self._ending])

    def _stop(self) -> Sequence[asyncio.Task[object]]:
        """Accept no more requests. Cancel those that run, and return them."""
        self.ended = True
        thresholds.restore_after_session()
        self._watch.cancel()
        self._standstill.close()
        running = [task for task, _ in self._running.values()]
        for task in running:
            task.cancel()
        return running

    async def _close(self, cancelled: Sequence[asyncio.Task[object]]) -> None:
        if cancelled:
            await asyncio.wait(cancelled, timeout=END_S)
        for connection in list(self._copies):
            self._end_copy(connection)
        await asyncio.gather(*map(self._end_stream, list(self._streams)))
        connections, self._connections = list(self._connections.values()), {}
        await asyncio.gather(*(one.close() for one in connections), return_exceptions=True)
        for part in self._parts.values():
            part.close()

    # --- requests --------------------------------------------------------------------------------------------------

    async def on_ping(self) -> int:
        """Return the number of open connections. Any request is a sign of life; this one does nothing else."""
        return len(self._connections)

    async def on_cancel(self, number: int) -> None:
        """Cancel a request. Its own answer says what came of it."""
        if number in self._running:
            self._running[number][0].cancel()

    async def on_driver(self, key: int, target: Target) -> None:
        """Take over the definition of target number `key`.

        Raises:
            MissingDriver: its library is not installed here.
        """
        settings = self.settings
        driver = self._drivers[key] = open_target(
            target, application_name=settings.application_name, read_only=settings.read_only
        )
        if isinstance(driver, WarningDriver):
            self._warning_drivers[key] = driver

    async def on_file(self, url: str) -> tuple[str, frozenset[tuple[str, ...]]]:
        """Return this machine, and the file that `url` leads to here."""
        return machine(), list_places(url)

    async def on_connect(self, key: int, connection: int) -> tuple[Server, bool]:
        """Open connection number `connection` to target number `key`; see `bulkq.protocols.Driver.connect`.

        Returns:
            What it found, and whether it can export a snapshot.
        """
        made = await self._drivers[key].connect()
        if self.ended:
            await made.close()
            raise StoppedError("the session has ended")
        self._connections[connection] = made
        return made.server, isinstance(made, SnapshotConnection)

    async def on_close(self, connection: int) -> None:
        """Close a connection. A request that uses it is cancelled first."""
        await self._cancel([task for task, used in self._running.values() if used == connection])
        self._end_copy(connection)
        await self._end_stream(connection)
        made = self._connections.pop(connection, None)
        if made is not None:
            await made.close()

    async def on_statement(self, number: int, query: Query, decoding: Decoding, typed: bool, names: object) -> None:
        """Take over the definition of statement number `number`."""
        assert isinstance(names, dict)
        self._statements[number] = query, decoding, typed, names

    async def on_part(self, number: int, definition: PartDefinition) -> None:
        """Take over how the rows of a part are encoded.

        Raises:
            UsageError: the function of `--map` cannot be imported here.
        """
        self._parts[number] = part = PartRows(definition, self.settings.folder)
        await part.open()

    async def on_prepare(self, connection: int, number: int) -> PreparedStatement:
        """See `bulkq.protocols.Connection.prepare`."""
        made = await self._prepared(connection, number)
        return PreparedStatement(tuple(made.columns), made.returns_rows, tuple(made.parameter_types), made.single)

    async def on_attempt(
        self,
        connection: int,
        number: int,
        sets: Sequence[ParameterSet],
        limits: Limits,
        claim: Claim | None,
        steps: AttemptSteps | None,
        most: int | None,
        answers: tuple[int, Batch] | None,
        key: int,
    ) -> AttemptAnswer:
        """Make an attempt, see `bulkq.protocols.Connection.attempt`.

        Args:
            connection: number of the connection.
            number: of the statement.
            sets: the parameter sets.
            limits: timeouts and guards.
            claim: of an exactly-once write.
            steps: around the statement.
            most: rows that may be changed; with more, the attempt is rolled back.
            answers: the part and the batch to encode the rows for; None: the values are returned.
            key: number of the target.
        """
        made = self._connections[connection]
        statement = await self._prepared(connection, number)
        committing_s = 0.0

        def before_commit(rows: int) -> None:
            nonlocal committing_s
            if most is not None and not 0 <= rows <= most:
                raise TooManyRows(rows)
            committing_s = time.monotonic()

        try:
            reply = await made.attempt(
                statement,
                sets,
                limits,
                claim=claim,
                before_commit=None if limits.read_only else before_commit,
                steps=None if steps is None else self._known_steps(steps),
            )
        except TooManyRows as error:
            return AttemptAnswer(None, error.rows)
        commit_s = time.monotonic() - committing_s if committing_s else None
        if answers is not None:
            reply = await self._parts[answers[0]].encode(reply, answers[1], sets)
        return AttemptAnswer(reply, 0, commit_s, *self._heard(key))

    async def on_stream(
        self, connection: int, number: int, params: ParameterSet, limits: Limits, answers: tuple[int, Batch] | None
    ) -> tuple[list[Reply], bool]:
        """Begin a stream, see `bulkq.protocols.Connection.stream`; return as `on_next`."""
        statement = await self._prepared(connection, number)
        pieces = self._connections[connection].stream(statement, params, limits)
        self._streams[connection] = self._encoded(pieces, params, answers)
        return await self.on_next(connection)

    async def on_next(self, connection: int) -> tuple[list[Reply], bool]:
        """Return the next piece of a stream, and whether the stream has ended. The end is looked for where it is near."""
        found: list[Reply] = []
        try:
            while len(found) < 2 and sum(len(reply.positions) for reply in found) < SHORT:
                found.append(await anext(self._streams[connection]))
        except StopAsyncIteration:
            del self._streams[connection]
            return found, True
        return found, False

    async def on_break(self, connection: int) -> None:
        """End a stream or a copy early."""
        self._end_copy(connection)
        await self._end_stream(connection)

    async def on_copy(self, connection: int, number: int, delimiter: str, limits: Limits) -> tuple[bytes, int | None]:
        """Begin a copy, see `bulkq.protocols.Connection.copy`; return as `on_copied`."""
        statement = await self._prepared(connection, number)
        self._copies[connection] = copied = CopiedBytes()
        copied.start(self._connections[connection].copy(statement, delimiter, limits, copied.write))
        return await self.on_copied(connection)

    async def on_copied(self, connection: int) -> tuple[bytes, int | None]:
        """Return the next bytes of a copy, and the number of its rows with the last of them."""
        copied = self._copies[connection]
        data, rows = await copied.take()
        if rows is not None:
            del self._copies[connection]
        return data, rows

    async def on_call(self, connection: int, method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> object:
        """Call another method of a connection."""
        return await getattr(self._connections[connection], method)(*arguments, **named)

    async def on_call_with(self, connection: int, number: int, method: str, arguments: tuple[Any, ...]) -> object:
        """Call a method of a connection whose first argument is a statement."""
        statement = await self._prepared(connection, number)
        return await getattr(self._connections[connection], method)(statement, *arguments)

    async def on_map(self, number: int, result: Any) -> object:
        """Apply the function of `--map` to a result that was not encoded."""
        return await self._parts[number].map(result)

    async def on_end(self) -> None:
        """End the session; the answer to this request is sent first."""
        asyncio.get_running_loop().call_soon(self.end_soon)

    def _answer(self, number: int, reply: Callable[[bytes], None], task: asyncio.Task[object]) -> None:
        self._running.pop(number, None)
        reply(_packed(task))

    async def _prepared(self, connection: int, number: int) -> Statement:
        query, decoding, typed, names = self._statements[number]
        return await self._connections[connection].prepare(query, decoding, typed=typed, identifiers=names)

    def _known_steps(self, steps: AttemptSteps) -> AttemptSteps:
        """Return `steps` with the query objects of earlier attempts, which connections keep prepared."""
        before, after = (
            tuple(replace(step, query=self._known_query(step.query)) for step in some)
            for some in (steps.before, steps.after)
        )
        return replace(steps, before=before, after=after)

    def _known_query(self, query: Query) -> Query:
        known = self._queries.setdefault((query.name, query.sql), query)
        return known if known == query else query

    async def _encoded(
        self, pieces: AsyncIterator[Reply], params: ParameterSet, answers: tuple[int, Batch] | None
    ) -> AsyncIterator[Reply]:
        try:
            async for reply in pieces:
                yield reply if answers is None else await self._parts[answers[0]].encode(reply, answers[1], [params])
        finally:
            with contextlib.suppress(AttributeError):
                await pieces.aclose()  # type: ignore[attr-defined]

    def _heard(self, key: int) -> tuple[int, tuple[str, ...]]:
        """Return the number of warnings of a target so far, and the first texts."""
        driver = self._warning_drivers.get(key)
        return (0, ()) if driver is None else (driver.warnings.count, tuple(driver.warnings.first))

    def _end_copy(self, connection: int) -> None:
        copied = self._copies.pop(connection, None)
        if copied is not None:
            copied.close()

    async def _end_stream(self, connection: int) -> None:
        """End a stream between two pieces, so that its connection can be closed or used again."""
        pieces = self._streams.pop(connection, None)
        if pieces is not None:
            with contextlib.suppress(Exception):  # the connection may be lost, or does not answer
                async with asyncio.timeout(END_S):
                    await pieces.aclose()  # type: ignore[attr-defined]

    async def _cancel(self, tasks: Sequence[asyncio.Task[object]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=END_S)

    async def _watch_lease(self) -> None:
        """End the session after its lease. Time in which this process could not listen, because rows were encoded, does not count."""
        step_s = min(LOOK_S, self.settings.lease_s / 4)
        silent_s, seen_s = 0.0, self._seen_s
        while silent_s < self.settings.lease_s:
            await asyncio.sleep(step_s)
            silent_s = silent_s + step_s if seen_s == self._seen_s else 0.0
            seen_s = self._seen_s
        self.end_soon()


def machine() -> str:
    """Return what tells this machine from others since it was started, through the borders of containers."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()


def _packed(task: asyncio.Task[object]) -> bytes:
    """Pickle what came of a request: its kind, then its value or error."""
    if task.cancelled():
        answer: tuple[str, object] = ("cancelled", _cancel_words(task))
    elif (error := task.exception()) is not None:
        answer = ("error", error)
    else:
        answer = ("value", task.result())
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - an exception, or a value of the user's, that cannot be pickled
        return pickle.dumps(("error", StoppedError(f"a worker could not send its answer: {answer[1]!r}"[:500])))


def _cancel_words(task: asyncio.Task[object]) -> tuple[object, ...]:
    """Return what a driver said of a cancelled statement that goes on."""
    try:
        task.result()
    except asyncio.CancelledError as cancelled:
        return cancelled.args
    return ()

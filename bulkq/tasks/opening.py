"""Open the target, the sources and the sinks of a run, and look before the first statement. Called by `bulkq.tasks.run`.

A mistake in an option or a file is found without a connection; what only the server knows is asked without executing anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.model import Batch, Limits, Mode, Outcome
from bulkq.parameters import open_source
from bulkq.parameters.ahead import Ahead
from bulkq.parameters.binding import check_constants
from bulkq.parameters.peeked import Peeked
from bulkq.parameters.remaining import Only, Remaining
from bulkq.parameters.spool import open_spool
from bulkq.policy import safety
from bulkq.policy.progress import Progress
from bulkq.policy.sizing import BatchSize
from bulkq.runner import Part
from bulkq.sessions import Sessions
from bulkq.sinks import open_sinks
from bulkq.sinks.failures import FailureFile
from bulkq.sinks.paths import same_file
from bulkq.targets import open_target
from bulkq.tasks.preflight import check_values
from bulkq.tasks.recording import source_request, spool_folder
from bulkq.tasks.rows import rows_of
from bulkq.worker import Work, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AsyncExitStack
    from typing import BinaryIO

    from bulkq.model import Query, Run, Server, SourcePosition
    from bulkq.protocols import Connection, Driver, Ledger, Observer, ParameterSource, Sink, Statement
    from bulkq.tasks.recording import GoingOn, Retried

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that looks like a digit."""

LEAST_FIRST = (safety.UNRECORDED, safety.MAINTENANCE, safety.IDEMPOTENT, safety.WRITE, safety.READ)
"""Modes, the one that promises least first."""

PEEKED = 1_000
"""Sets whose values are checked before a read begins."""

PATIENCE_S = 1.0
"""How long a write waits for the end of a pipe: then a kill loses nothing of it, and a bad line stops the run before it begins."""

CHECKS_WHOLE_FILES = 160_000
"""From PostgreSQL 16 on, `pg_input_is_valid` checks a file without an aborted transaction per bad value."""


def new_run_id(now_s: float | None = None) -> str:
    """Ten characters: six of time, so that ids sort by age (per second, for 34 years), four of chance."""
    number = int(time.time() if now_s is None else now_s) % 32**6
    number = number * 32**4 + secrets.randbelow(32**4)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(45, -1, -5))


@dataclass(slots=True)
class Given:
    """What the Python API brings along instead of having it opened: all of it for exactly one query."""

    source: ParameterSource
    sink: Sink
    sessions: Sessions


@dataclass(frozen=True, slots=True)
class Console:
    """The streams of the process that called."""

    stdout: BinaryIO | None
    stdin: BinaryIO | None
    terminal: bool


@dataclass(slots=True, kw_only=True)
class Start:
    """What a run starts from, beside its request.

    Attributes:
        run: its id.
        ledger: where it is recorded; for a new run it is being opened meanwhile.
        given: source, sink and connections of the Python API.
        going_on: of a resumed run.
        retried: of a retry.
        cut_off: why nobody can tell whether all sets were seen: a pipe that ended with the process that read it.
    """

    run: str
    ledger: asyncio.Task[Ledger]
    given: Given | None = None
    going_on: GoingOn | None = None
    retried: Retried | None = None
    cut_off: str = ""


@dataclass(slots=True)
class Opened:
    """Everything that a run holds open."""

    start: Start
    request: Run
    mode: str
    driver: Driver
    sessions: Sessions
    progress: Progress
    parts: list[Part]
    sinks: tuple[Sink, ...]
    failure_file: FailureFile | None
    spools: dict[int, Path]
    say: Callable[[str], None]

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.start.run

    def discard(self) -> None:
        """Close the outputs as if they had never been opened."""
        for sink in self.sinks:
            sink.discard()
        if self.failure_file is not None:
            self.failure_file.discard()


async def open_run(
    request: Run, start: Start, stack: AsyncExitStack, observers: Sequence[Observer], console: Console
) -> Opened:
    """Open all that needs no connection, so that a mistake in an option or a file is found without one."""

    def say(text: str) -> None:
        for observer in observers:
            observer.notice(text)

    given = start.given
    if given is not None:
        driver, sessions = given.sessions.driver, given.sessions
    else:
        driver = open_target(request.targets[0], application_name=f"bulkq/{start.run}", read_only=not request.write)
        sessions = Sessions(driver, outage_s=request.outage_s, say=say)
        stack.push_async_callback(sessions.close)
    _check_names(request, driver)
    spools: dict[int, Path] = {}
    sources = []
    for number, query in enumerate(request.queries, 1):
        source = Peeked(
            given.source if given else await _source(request, start, driver, number, query, console, spools)
        )
        stack.push_async_callback(source.close)
        sources.append(source)
    sinks: Mapping[str, Sink]
    if given is not None:
        sinks = dict.fromkeys((query.name for query in request.queries), given.sink)
    else:
        sinks = _sinks(request, start, driver, console, say)
    parts = [
        Part(
            _work(request, number, driver, query, source, sinks[query.name]),
            source,
            sinks[query.name],
            sessions,
            number,
        )
        for number, (query, source) in enumerate(zip(request.queries, sources, strict=True), 1)
    ]
    progress = Progress(run=start.run, name=request.name or _title(request))
    unique = tuple({id(sink): sink for sink in sinks.values()}.values())
    try:
        failures = _failure_file(request, start)
    except BaseException:
        for sink in unique:
            sink.discard()
        raise
    mode = mode_of_run(request)
    return Opened(start, request, mode, driver, sessions, progress, parts, unique, failures, spools, say)


def mode_of_run(request: Run) -> str:
    """The mode of a run: of its queries, the one that promises least."""
    modes = {mode_of(request, query) for query in request.queries}
    return next(mode for mode in LEAST_FIRST if mode in modes)


def mode_of(request: Run, query: Query) -> str:
    """The mode of one query of a run."""
    return safety.mode_of(query, write=request.write, idempotent=request.idempotent, ledger=request.ledger)


def _check_names(request: Run, driver: Driver) -> None:
    """No output is another output, nor what the parameters are read from."""
    reports = [("--report", path) for path in request.reports]
    outputs = [("-o", request.output), ("--failures", request.failures), *reports]
    same_file(outputs, queries=request.queries, target=driver.target)
    for spec in request.params:
        if spec == "-" or spec.startswith(("range:", "sql:", "@")):
            continue
        for output in outputs:
            same_file([output, ("-p", spec)], queries=request.queries, target=driver.target)
    if request.constants:
        check_constants(request.queries, request.constants)


async def _source(
    request: Run,
    start: Start,
    driver: Driver,
    number: int,
    query: Query,
    console: Console,
    spools: dict[int, Path],
) -> ParameterSource:
    """The sets of one part: all, what is left of them, or those that failed."""
    going_on, retried = start.going_on, start.retried
    text = driver.capabilities.text_parameters
    kept = going_on.spools if going_on is not None else retried.spools if retried is not None else {}
    if number in kept:
        spooled = await open_spool(kept[number], query)
        if not spooled.complete:
            start.cut_off = f"the source of {query.place} was cut off when the run was killed: what it had not given by then is lost"
        if going_on is not None:
            spools[number] = Path(kept[number])
            return Remaining(spooled, going_on.done.get(number, ()))
        assert retried is not None
        return Only(spooled, retried.numbers.get(number, ()))
    several = len(request.queries) > 1
    wanted = replace(source_request(request), stdin=console.stdin)
    rows = rows_of(request.params_target or request.targets[0])
    if going_on is not None:
        done = going_on.done.get(number, ())
        position = _seekable(going_on, number)
        return Remaining(
            await open_source(wanted, query, text=text, rows=rows, start=position, unused_constants_ok=several), done
        )
    source = await open_source(wanted, query, text=text, rows=rows, unused_constants_ok=several)
    if retried is not None:
        return Only(source, retried.numbers.get(number, ()))
    if source.replayable or request.ledger == "none":
        return source
    await asyncio.shield(start.ledger)  # its folder is where the spool lies
    spools[number] = spool_folder(request.ledger) / f"{start.run}.{number}.spool"
    try:
        return Ahead(source, spools[number], query, patience_s=PATIENCE_S if request.write else 0.0)
    except BaseException:
        await source.close()
        raise


def _seekable(going_on: GoingOn, number: int) -> SourcePosition | None:
    """The position that the ledger has, if all before it is done; a redone marker may lie before it."""
    state = going_on.states.get(number)
    done = going_on.done.get(number, ())
    if state is None or state.source is None or not done or done[0][0] != 1 or done[0][1] < state.source.n:
        return None
    return state.source


def _failure_file(request: Run, start: Start) -> FailureFile | None:
    if not request.failures:
        return None
    if start.going_on is None:
        return FailureFile(request.failures)
    return FailureFile(
        request.failures, continue_at=_offsets(start.going_on).get(str(Path(request.failures).resolve()), 0)
    )


def _offsets(going_on: GoingOn) -> dict[str, int]:
    """How far the ledger knows each output, by path."""
    return {sink.path: sink.offset for state in going_on.states.values() for sink in state.sinks}


def _sinks(
    request: Run, start: Start, driver: Driver, console: Console, say: Callable[[str], None]
) -> Mapping[str, Sink]:
    failures = str(Path(request.failures).resolve()) if request.failures else ""
    continue_at = None
    if start.going_on is not None:
        continue_at = {path: offset for path, offset in _offsets(start.going_on).items() if path != failures}
    sinks = open_sinks(
        path=request.output,
        format=request.format,
        include=request.include,
        run=start.run,
        queries=request.queries,
        target=driver.target,
        stdout=console.stdout or BytesIO(),
        terminal=console.terminal,
        rowcounts=request.output is not None or request.format is not None,
        continue_at=continue_at,
    )
    for sink in dict.fromkeys(sinks.values()):
        for notice in sink.notices:
            say(notice)
    return sinks


def _work(request: Run, part: int, driver: Driver, query: Query, source: ParameterSource, sink: Sink) -> Work:
    mode = mode_of(request, query)
    timeout_s, lock_timeout_s = request.timeout_s, request.lock_timeout_s
    if not request.timeout_given and (query.no_timeout or query.timeout_s is not None):
        timeout_s = query.timeout_s
    if not request.lock_timeout_given and query.lock_timeout_s is not None:
        lock_timeout_s = query.lock_timeout_s
    limits = Limits(
        timeout_s=timeout_s,
        lock_timeout_s=lock_timeout_s,
        read_only=not request.write or query.mode is Mode.READ,
        transaction=query.transaction and query.mode is not Mode.MAINTENANCE,
        expect_rows=request.expect_rows,
        ordered=not request.write or request.concurrency == 1,
    )
    return Work(
        query=query,
        target=driver.target,
        decoding=sink.decoding,
        typed=source.typed,
        limits=limits,
        retries=query.retries if query.retries is not None and not request.retries_given else request.retries,
        size=BatchSize(1 if mode == safety.MAINTENANCE else _batch(request, query)),
        part=part,
        repeatable=mode == safety.IDEMPOTENT,
        answers=request.output is not None or request.format is not None,
    )


def _batch(request: Run, query: Query) -> int | None:
    """The size that somebody wants: whoever typed it, else the file with the query, else a default."""
    return request.batch if request.batch_given else query.batch or request.batch


def _title(request: Run) -> str:
    names = [query.name for query in request.queries]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


# --- before the first statement ------------------------------------------------------------------------------------


async def look_first(opened: Opened) -> Server:
    """Ask the server what can be asked without executing anything: statements, free connections, values."""
    connection = await opened.sessions.first()
    try:
        await _look_at_parts(opened, connection)
    except BaseException:
        await connection.close()
        raise
    opened.sessions.give_back(connection)
    return connection.server


async def _look_at_parts(opened: Opened, connection: Connection) -> None:
    _connections_are_free(opened, connection.server)
    for part in opened.parts:
        source = part.source
        assert isinstance(source, Peeked)
        head = await source.peek(PEEKED)
        if head is None:
            part.exhausted = True
            if opened.start.going_on is None:
                await _say_empty(opened, part, connection)
            continue
        statement = await _prepare(part, connection, head)
        if statement is None:
            continue
        part.sink.describe(part.work.query, statement.columns)
        if opened.driver.capabilities.text_parameters and not source.typed:
            await check_values(connection, statement, head)
        if opened.request.write and source.replayable and opened.start.retried is None:
            await _whole_source(opened, part, connection, statement)


async def _say_empty(opened: Opened, part: Part, connection: Connection) -> None:
    """No sets: nothing to run, which is said; a table of no rows still has its header."""
    work = part.work
    opened.say(f"{work.query.place}: there are no parameter sets: nothing to run")
    if work.identifiers:
        return
    with contextlib.suppress(DatabaseError):
        statement = await connection.prepare(work.query, work.decoding, typed=work.typed, identifiers={})
        part.sink.describe(work.query, statement.columns)


async def _prepare(part: Part, connection: Connection, head: Batch) -> Statement | None:
    """The statement, or None when the server refuses it: then it failed once, not once per set."""
    work = part.work
    names = {work.query.parameters[i].name: str(head.sets[0][i]) for i in work.identifiers}
    try:
        return await connection.prepare(work.query, work.decoding, typed=work.typed, identifiers=names)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(f"{work.target}: {error}") from error
        part.refused = failure(work, head, 0, error, Outcome.NOT_STARTED, 1)
        return None


async def _whole_source(opened: Opened, part: Part, connection: Connection, statement: Statement) -> None:
    """Before a write, every set of a file is read once: no row is changed while line 90,000 is bad."""
    wanted = source_request(opened.request)
    several = len(opened.parts) > 1
    text = opened.driver.capabilities.text_parameters
    source = await open_source(wanted, part.work.query, text=text, unused_constants_ok=several)
    checks = text and connection.server.version_number >= CHECKS_WHOLE_FILES
    try:
        while (batch := await source.take(PEEKED * 10, 0)) is not None:
            if checks:
                await check_values(connection, statement, batch)
    finally:
        await source.close()


def _connections_are_free(opened: Opened, server: Server) -> None:
    """Refuse more lanes than the server has connections, before any of them is taken from somebody else."""
    totals = [part.source.total for part in opened.parts]
    known = sum(total for total in totals if total is not None) if None not in totals else opened.request.concurrency
    wanted = max(1, min(opened.request.concurrency, known))
    free = server.free_connections
    if free is None or server.pooled or wanted - 1 <= free:
        return
    raise RefusedError(
        f"-j {opened.request.concurrency} wants {wanted - 1} more connections, the server has {free} free of {server.max_connections}: "
        f"use -j {free + 1} or less"
    )

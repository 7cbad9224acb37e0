"""Open the targets, the sources and the sinks of a run.

A mistake in an option or a file is found without a connection.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.engine.part import PartState
from bulkq.lifecycle import open_targets as sites_of
from bulkq.lifecycle.expand_targets import without_schema
from bulkq.lifecycle.open_targets import Site
from bulkq.lifecycle.sources import Sources
from bulkq.model import Decoding, Limits, Mode, PartSpec
from bulkq.policy import safety
from bulkq.policy.batch_size import BatchSize
from bulkq.policy.limits import effective
from bulkq.policy.progress import Progress
from bulkq.sinks import open_sinks
from bulkq.sinks.failures import FailureFile
from bulkq.sinks.paths import same_file
from bulkq.sources.binding import check_constants
from bulkq.sources.first_batch import Peeked
from bulkq.text.messages import first_names

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AsyncExitStack
    from typing import BinaryIO

    from bulkq.engine.pool import Sessions
    from bulkq.lifecycle.run_identity import GoingOn, Retried
    from bulkq.model import Query, Run, Target
    from bulkq.protocols import Ledger, Observer, ParameterSource, Sink, Throttle
    from bulkq.transforms import Mapping as Mapping_

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that looks like a digit."""

LEAST_FIRST = (safety.UNRECORDED, safety.MAINTENANCE, safety.IDEMPOTENT, safety.WRITE, safety.READ)
"""Modes, the one that promises least first."""


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

    @property
    def leftovers(self) -> Sequence[str]:
        """Files that the runs which this one repeats have kept for it."""
        repeats = self.retried or self.going_on
        return () if repeats is None else repeats.leftovers


@dataclass(slots=True)
class Opened:
    """Everything that a run holds open."""

    start: Start
    request: Run
    mode: str
    sites: list[Site]
    progress: Progress
    parts: list[PartState]
    sinks: tuple[Sink, ...]
    failure_file: FailureFile | None
    sources: Sources
    say: Callable[[str], None]
    checked: set[tuple[object, ...]] = field(default_factory=set)
    """For which query and types a whole file was looked at."""
    warned: set[str] = field(default_factory=set)
    """Warnings that were given: one target says what all would say."""
    throttle: Throttle | None = None
    recorded: bool = False
    """The ledger knows the new run: whatever happens now, a resume can go on with it."""

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.start.run

    @property
    def spools(self) -> dict[int, Path]:
        """Where its sources are spooled, by number of the query."""
        return self.sources.spools

    @property
    def several(self) -> bool:
        """Whether it works on more than one target."""
        return len(self.sites) > 1

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
    sites = _sites(request, start, stack, say)
    labels = sites_of.labels(request, sites)
    _check_names(request, labels)
    mapping = await _mapping(request, stack)
    sources = Sources(request, start, stack, console, [site.driver.capabilities for site in sites])
    made: dict[int, Peeked] = {}
    for place in range(len(labels)):
        for at, query in enumerate(request.queries.selected):
            number = place * len(request.queries.selected) + at + 1
            source = Peeked(given.source if given else await sources.open(number, at + 1, query))
            stack.push_async_callback(source.close)
            made[number] = source
    sinks: Mapping[tuple[str, str], Sink]
    if given is not None:
        sinks = dict.fromkeys(((labels[0], query.name) for query in request.queries.selected), given.sink)
    else:
        sinks = _sinks(request, start, labels, console)
    parts: list[PartState] = []
    for site in sites:
        site.parts = [
            _part(request, number, label, schema, query, made[number], sinks[label, query.name], site)
            for number, label, schema, query in _numbered(request, site, labels)
        ]
        for part in site.parts:
            part.mapper = _timed(request, part, mapping)
        parts += site.parts
    progress = Progress(run=start.run, name=request.queries.name or _title(request))
    unique = tuple({id(sink): sink for sink in sinks.values()}.values())
    try:
        failures = _failure_file(request, start)
    except BaseException:
        for sink in unique:
            sink.discard()
        raise
    mode = mode_of_run(request)
    return Opened(start, request, mode, sites, progress, parts, unique, failures, sources, say)


async def _mapping(request: Run, stack: AsyncExitStack) -> Mapping_ | None:
    """The function of `--map`, imported in a process of its own before anything is connected."""
    if request.output.map is None:
        return None
    from bulkq.transforms import open_mapping

    mapping = await open_mapping(request.output.map, concurrency=request.limits.concurrency)
    stack.callback(mapping.close)
    return mapping


def _timed(request: Run, part: PartState, mapping: Mapping_ | None) -> Mapping_ | None:
    """It may take as long as the query, where nobody says how long."""
    if mapping is None:
        return None
    output = request.output
    return mapping.within(output.map_timeout_s if output.map_timeout_given else part.spec.limits.timeout_s)


def _sites(request: Run, start: Start, stack: AsyncExitStack, say: Callable[[str], None]) -> list[Site]:
    if start.given is not None:
        sessions = start.given.sessions
        return [Site(request.targets.selected[0], sessions.driver.target, (0,), sessions.driver, sessions)]
    sites = sites_of.open_sites(request, f"bulkq/{start.run}", say)
    without_schema(request, sites)
    sites_of.choose_canaries(request, sites)
    for site in sites:
        stack.push_async_callback(site.sessions.close)
        if start.going_on is not None:
            reason = start.going_on.lost.get(site.places[0])
            if reason is not None:
                site.lose(reason)
            site.identity = start.going_on.identities.get(site.places[0], "")
    return sites


def _numbered(request: Run, site: Site, labels: Sequence[str]) -> list[tuple[int, str, Target, Query]]:
    """Number, label, target and query of every part of a site; the same for every process of a run, since places are."""
    count = len(request.queries.selected)
    return [
        (place * count + at, labels[place], request.targets.selected[place], query)
        for place in site.places
        for at, query in enumerate(request.queries.selected, 1)
    ]


def mode_of_run(request: Run) -> str:
    """The mode of a run: of its queries, the one that promises least."""
    modes = {mode_of(request, query) for query in request.queries.selected}
    return next(mode for mode in LEAST_FIRST if mode in modes)


def mode_of(request: Run, query: Query) -> str:
    """The mode of one query of a run."""
    return safety.mode_of(
        query, write=request.safety.write, idempotent=request.safety.idempotent, ledger=request.safety.ledger
    )


def _check_names(request: Run, labels: Sequence[str]) -> None:
    """No output is another output, nor what the parameters are read from."""
    reports = [("--report", path) for path in request.output.reports]
    outputs = [("-o", request.output.path), ("--failures", request.output.failures), *reports]
    same_file(outputs, queries=request.queries.selected, targets=labels)
    for spec in request.sources.specs:
        if spec == "-" or spec.startswith(("range:", "sql:", "@")):
            continue
        for output in outputs:
            same_file([output, ("-p", spec)], queries=request.queries.selected, targets=labels)
    if request.sources.constants:
        check_constants(request.queries.selected, request.sources.constants)


def _failure_file(request: Run, start: Start) -> FailureFile | None:
    if not request.output.failures:
        return None
    if start.going_on is None:
        return FailureFile(request.output.failures)
    return FailureFile(
        request.output.failures,
        continue_at=_offsets(start.going_on).get(str(Path(request.output.failures).resolve()), 0),
    )


def _offsets(going_on: GoingOn) -> dict[str, int]:
    """How far the ledger knows each output, by path."""
    return {sink.path: sink.offset for state in going_on.states.values() for sink in state.sinks}


def _sinks(request: Run, start: Start, labels: Sequence[str], console: Console) -> Mapping[tuple[str, str], Sink]:
    failures = str(Path(request.output.failures).resolve()) if request.output.failures else ""
    continue_at = None
    if start.going_on is not None:
        continue_at = {path: offset for path, offset in _offsets(start.going_on).items() if path != failures}
    return open_sinks(
        path=request.output.path,
        format=request.output.format,
        include=request.output.include,
        run=start.run,
        queries=request.queries.selected,
        targets=labels,
        stdout=console.stdout or BytesIO(),
        terminal=console.terminal,
        rowcounts=request.output.path is not None or request.output.format is not None,
        continue_at=continue_at,
    )


def _part(
    request: Run, number: int, label: str, target: Target, query: Query, source: Peeked, sink: Sink, site: Site
) -> PartState:
    if target.schema is not None:
        query = query.within(target)
    spec = _spec(request, number, label, query, source, sink, one_lane=one_lane(request, site))
    size = 1 if mode_of(request, query) == safety.MAINTENANCE else effective(request.limits, query).batch
    if spec.limits.timeout_s is not None and not site.sessions.driver.capabilities.cancels:
        size = 1  # what cannot be cancelled takes no other set with it when its time is up
    return PartState(spec, source, sink, site.sessions, BatchSize(size))


def one_lane(request: Run, site: Site) -> bool:
    """Whether a write has one lane on a target, and so takes effect in the order of the input."""
    return 1 in {request.limits.concurrency, site.sessions.most} or not site.driver.capabilities.concurrent_writes


def _spec(
    request: Run, number: int, label: str, query: Query, source: ParameterSource, sink: Sink, *, one_lane: bool
) -> PartSpec:
    mode = mode_of(request, query)
    own = effective(request.limits, query)
    limits = Limits(
        timeout_s=own.timeout_s,
        lock_timeout_s=own.lock_timeout_s,
        read_only=not request.safety.write or query.mode is Mode.READ,
        transaction=query.transaction and query.mode is not Mode.MAINTENANCE,
        expect_rows=request.safety.expect_rows,
        ordered=not request.safety.write or one_lane,
    )
    return PartSpec(
        query=query,
        target=label,
        decoding=sink.decoding if request.output.map is None else Decoding.PYTHON,
        typed=source.typed,
        limits=limits,
        retries=own.retries,
        number=number,
        repeatable=mode == safety.IDEMPOTENT,
        answers=request.output.path is not None or request.output.format is not None,
    )


def _title(request: Run) -> str:
    names = [query.name for query in request.queries.selected]
    return first_names(names, 3)

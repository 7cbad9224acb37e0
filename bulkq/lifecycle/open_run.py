"""Open the targets, the sources and the sinks of a run.

A mistake in an option or a file is found without a connection.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.engine.part_state import PartState
from bulkq.lifecycle import open_targets
from bulkq.lifecycle.begin_progress import begin_progress
from bulkq.lifecycle.open_executor import open_executor
from bulkq.lifecycle.open_targets import OpenTarget
from bulkq.lifecycle.part_sources import Sources
from bulkq.lifecycle.run_resources import OpenRun
from bulkq.model import Decoding, Limits, Mode, PartSpec
from bulkq.policy import safety
from bulkq.policy.auto_concurrency import MOST
from bulkq.policy.batch_form import LEAST, LEAST_UNPIPELINED, BatchForm, Form
from bulkq.policy.batch_size import LONGEST_S, TARGET_S, BatchSize
from bulkq.policy.in_process_batch_form import GrowingForm
from bulkq.policy.query_limits import choose_limits
from bulkq.sinks import open_sinks
from bulkq.sinks.failures_file import FailureFile
from bulkq.sinks.paths import same_file
from bulkq.text.message_parts import first_names
from bulkq.throttles import describe_run, open_throttles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AsyncExitStack

    from bulkq.lifecycle.command_steps import RunJob
    from bulkq.lifecycle.prepare_workers import OpenExecutor
    from bulkq.model import Query, Run, Target
    from bulkq.policy.progress import Progress
    from bulkq.protocols import ParameterSource, Sink
    from bulkq.sources.peekable_source import PeekableSource
    from bulkq.transforms import Mapping as Mapping_
    from bulkq.transforms import ProcessPool

FIRST_TABLES = 16
"""Small tables in the first commands of maintenance: as many as take a tenth of a second if they are large for small ones."""

MAPPED_HERE = (
    "the function of --map runs in processes of this machine, as without --executor: "
    "workers read the rows and execute --apply"
)


async def open_run(job: RunJob, stack: AsyncExitStack) -> OpenRun:
    """Open everything that needs no connection, so that a mistake in an option or a file is found before connecting."""
    request = job.request
    executor = await open_executor(request, job.run, job.say, stack)
    targets = _open_targets(job, stack, executor)
    labels = open_targets.labels(request, targets)
    _check_names(request, labels)
    mapping = await _mapping(request, stack) if executor is None else None
    processes = await _processes(request, stack)
    if processes is not None and executor is not None:
        job.say(MAPPED_HERE)
    named = [(target.label, target.definition) for target in targets]
    holding = describe_run(request, job.run, named, job.say, in_python=job.given is not None)
    throttles = await open_throttles(request.limits, stack, holding)
    sources = Sources(job, stack, [target.driver.capabilities for target in targets])
    opened = await sources.open_all()
    parts, failure_file = await _open_parts(job, targets, labels, opened, mapping, executor)
    for target in targets:
        for part in target.parts:
            part.record_commit = holding.recorder(target.label)
    return OpenRun(
        job=job,
        request=request,
        run=job.run,
        mode=safety.mode_of_run(request),
        targets=targets,
        progress=_progress(job, executor),
        parts=parts,
        labels=labels,
        outputs=tuple({id(part.sink): part for part in reversed(parts)}.values()),
        failure_file=failure_file,
        observers=job.observers if failure_file is None else (*job.observers, failure_file),
        resume=job.resume,
        several=len(targets) > 1,
        same_sets=job.resume.record is None and job.resume.only is None and request.maintenance is None,
        sources=sources,
        throttle=throttles.throttle,
        throttles=throttles,
        processes=processes,
    )


async def _open_parts(
    job: RunJob,
    targets: Sequence[OpenTarget],
    labels: Sequence[str],
    sources: Mapping[int, PeekableSource],
    mapping: Mapping_ | None,
    executor: OpenExecutor | None,
) -> tuple[list[PartState], FailureFile | None]:
    """Give every target its parts, with their sinks, and open the file of `--failures`. An error leaves no file behind."""
    request = job.request
    sinks = _sinks(job, labels)
    try:
        for target in targets:
            target.parts = _parts(job, target, labels, sources, sinks)
            for part in target.parts:
                part.mapper = _timed(request, part, mapping)
        parts = [part for target in targets for part in target.parts]
        if executor is not None:
            await executor.prepare(request, parts)
            executor.map_rows(request, parts)
        return parts, _failure_file(job)
    except BaseException:
        for sink in {id(one): one for one in sinks.values()}.values():
            sink.discard()
        raise


async def _mapping(request: Run, stack: AsyncExitStack) -> Mapping_ | None:
    """Return the function of `--map`, imported in a process of its own, before the first connection."""
    if request.output.map is None:
        return None
    from bulkq.transforms import open_mapping

    mapping = await open_mapping(request.output.map, concurrency=request.limits.concurrency or MOST)
    stack.callback(mapping.close)
    return mapping


async def _processes(request: Run, stack: AsyncExitStack) -> ProcessPool | None:
    """Return where the function of a backfill runs, imported there before the first connection."""
    if request.backfill is None or request.backfill.map is None:
        return None
    from bulkq.transforms import open_processes

    processes = await open_processes(request.backfill.map, concurrency=request.limits.concurrency or MOST)
    stack.callback(processes.close)
    return processes


def _timed(request: Run, part: PartState, mapping: Mapping_ | None) -> Mapping_ | None:
    """The mapping with its timeout: that of `--map-timeout`, else that of the query."""
    if mapping is None:
        return None
    output = request.output
    return mapping.within(output.map_timeout_s if output.map_timeout_given else part.spec.limits.timeout_s)


def _open_targets(job: RunJob, stack: AsyncExitStack, executor: OpenExecutor | None) -> list[OpenTarget]:
    request, resume = job.request, job.resume
    if job.given is not None:
        sessions = job.given.sessions
        return [OpenTarget(request.targets.selected[0], sessions.driver.target, (0,), sessions.driver, sessions)]
    remote = None if executor is None else executor.driver
    targets = open_targets.open_all(request, f"bulkq/{job.run}", job.say, remote)
    open_targets.without_schema(request, targets)
    open_targets.choose_canaries(request, targets)
    for target in targets:
        stack.push_async_callback(target.sessions.close)
        place = target.places[0]
        if place in resume.lost:
            target.lose(resume.lost[place])
        target.identity = resume.identities.get(place, "")
        target.tables = resume.tables.get(place)
    return targets


def _numbered(request: Run, target: OpenTarget, labels: Sequence[str]) -> list[tuple[int, str, Target, Query]]:
    """Yield number, label, target and query of every part of a target. They are the same in every process of a run."""
    count = len(request.queries.selected)
    return [
        (place * count + at, labels[place], request.targets.selected[place], query)
        for place in target.places
        for at, query in enumerate(request.queries.selected, 1)
    ]


def _parts(
    job: RunJob,
    target: OpenTarget,
    labels: Sequence[str],
    sources: Mapping[int, PeekableSource],
    sinks: Mapping[tuple[str, str], Sink],
) -> list[PartState]:
    return [
        _part(job.request, number, label, schema, query, sources[number], sinks[label, query.name], target)
        for number, label, schema, query in _numbered(job.request, target, labels)
    ]


def _check_names(request: Run, labels: Sequence[str]) -> None:
    """Check that no two outputs are the same file, and that no output is a parameter file."""
    reports = [("--report", path) for path in request.output.reports]
    outputs = [("-o", request.output.path), ("--failures", request.output.failures), *reports]
    same_file(outputs, queries=request.queries.selected, targets=labels)
    for spec in request.sources.specs:
        if spec == "-" or spec.startswith(("range:", "sql:", "@")):
            continue
        for output in outputs:
            same_file([output, ("-p", spec)], queries=request.queries.selected, targets=labels)
    if request.sources.constants and request.backfill is None:  # of which `--select` may have the parameters
        from bulkq.sources.bind_columns import check_constants

        check_constants(request.queries.selected, request.sources.constants)


def _failure_file(job: RunJob) -> FailureFile | None:
    path = job.request.output.failures
    if not path:
        return None
    outputs = job.resume.outputs
    if outputs is None:
        return FailureFile(path)
    return FailureFile(path, continue_at=outputs.get(str(Path(path).resolve()), 0))


def _sinks(job: RunJob, labels: Sequence[str]) -> Mapping[tuple[str, str], Sink]:
    request, console, continue_at = job.request, job.console, job.resume.outputs
    if job.given is not None:
        return dict.fromkeys(((labels[0], query.name) for query in request.queries.selected), job.given.sink)
    if continue_at is not None and request.output.failures:
        failures = str(Path(request.output.failures).resolve())
        continue_at = {path: offset for path, offset in continue_at.items() if path != failures}
    return open_sinks(
        path=request.output.path,
        format=request.output.format,
        include=request.output.include,
        run=job.run,
        queries=request.queries.selected,
        targets=labels,
        stdout=console.stdout or BytesIO(),
        terminal=console.terminal,
        sections=request.output.sections,
        rowcounts=request.output.path is not None or request.output.format is not None,
        continue_at=continue_at,
    )


def _part(
    request: Run,
    number: int,
    label: str,
    definition: Target,
    query: Query,
    source: PeekableSource,
    sink: Sink,
    target: OpenTarget,
) -> PartState:
    if definition.schema is not None:
        query = query.within(definition)
    spec = _spec(request, number, label, query, source, sink, one_lane=one_lane(request, target))
    size = choose_limits(request.limits, query).batch
    if request.backfill is not None or (spec.mode == safety.MAINTENANCE and request.maintenance is None):
        size = 1  # of `maintain`, the source knows which objects may be together
    if spec.limits.timeout_s is not None and not target.sessions.driver.capabilities.cancels:
        size = 1  # what cannot be cancelled takes no other set with it when its time is up
    form = _form(request, spec, target, own_size=size is None)
    longest_s = LONGEST_S if spec.limits.read_only else TARGET_S  # the transaction of a write holds locks
    # A worker adds two hops to each batch. A read holds no locks, so it may be longer.
    shortest_s = LONGEST_S if request.limits.executor is not None and spec.limits.read_only else TARGET_S
    first = 1
    if request.maintenance is not None:  # each small table of a list has a transaction of its own
        longest_s = shortest_s = LONGEST_S
        first = FIRST_TABLES
    return PartState(spec, source, sink, target.sessions, BatchSize(size, longest_s, shortest_s, first), form)


def _form(request: Run, spec: PartSpec, target: OpenTarget, *, own_size: bool) -> BatchForm:
    """The form of the batches: what the user asked for, or what is faster. With `own_size`, the form may decide their size."""
    known = target.driver.capabilities
    if not (spec.limits.read_only and known.sets_together):
        return BatchForm(Form.PIPELINE)
    wanted = None if request.limits.batch_form == "auto" else Form(request.limits.batch_form)
    if known.in_process and own_size and not known.pipelined:
        return GrowingForm(wanted)
    # In this process there is no server whose plan for one statement may be worse.
    certain = known.in_process and known.pipelined
    return BatchForm(wanted, LEAST if known.pipelined else LEAST_UNPIPELINED, certain=certain)


def one_lane(request: Run, target: OpenTarget) -> bool:
    """Whether a write has one lane on each target, so that it takes effect in the order of the input."""
    return 1 in {request.limits.concurrency, target.sessions.most} or not target.driver.capabilities.concurrent_writes


def _spec(
    request: Run, number: int, label: str, query: Query, source: ParameterSource, sink: Sink, *, one_lane: bool
) -> PartSpec:
    mode = safety.mode_of(query, request.safety)
    own = choose_limits(request.limits, query)
    limits = Limits(
        timeout_s=own.timeout_s,
        lock_timeout_s=own.lock_timeout_s,
        read_only=not request.safety.write or query.mode is Mode.READ,
        transaction=query.transaction and query.mode is not Mode.MAINTENANCE,
        expect_rows=request.safety.expect_rows,
        ordered=not request.safety.write or one_lane,
        followed=True,
    )
    return PartSpec(
        query=query,
        target=label,
        decoding=sink.decoding if request.output.map is None else Decoding.PYTHON,
        typed=source.typed,
        limits=limits,
        retries=own.retries,
        mode=mode,
        number=number,
        repeatable=mode == safety.IDEMPOTENT,
        answers=request.answers,
    )


def _progress(job: RunJob, executor: OpenExecutor | None) -> Progress:
    request = job.request
    title = request.queries.name or first_names([query.name for query in request.queries.selected], 3)
    return begin_progress(
        job,
        executor,
        name=title,
        command="backfill"
        if request.backfill is not None
        else "maintain"
        if request.maintenance is not None
        else "run",
        mode=safety.mode_of_run(request),
        concurrency=request.limits.concurrency,
    )

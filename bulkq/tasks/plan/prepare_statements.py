"""Prepare the statements of a plan on its databases. Nothing is executed."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from bulkq.lifecycle import open_targets
from bulkq.lifecycle.check_requirements import find_skipped, unmet
from bulkq.model.frozen_dataclass import frozen
from bulkq.tasks.server_lint import Finding, ask, why_not

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bulkq.errors import BulkqError
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import Query, Run, Server, Target
    from bulkq.protocols import Connection

PlanType = TypeVar("PlanType")


@frozen
class TargetInspection:
    """What a target of the run is (of --schemas: a schema of it), and what it says against the statements."""

    target: str  # without a password
    place: Target
    driver: str = ""
    server: Server | None = None
    findings: tuple[Finding, ...] = ()
    error: BulkqError | None = None  # why it cannot be asked, or takes no part


@frozen
class PlanJob:
    """A plan, which ends where the first statement of the user would be executed.

    Attributes:
        run: with its final targets.
        statements: by place among the targets of the run and `others`: what is prepared there. Targets without are not asked.
        others: further targets.
    """

    run: Run
    statements: Mapping[int, Sequence[Query]]
    others: Sequence[Target] = ()


@frozen
class LookedTargets:
    """The targets of a plan once they were asked.

    Attributes:
        first: the first target that can be reached, where everything is looked into.
        target: the same as it was named, with its schema.
        label: what it is called in output.
        connection: to it.
        others: what is known of the other targets, in their order.
    """

    first: OpenTarget
    target: Target
    label: str
    connection: Connection
    others: tuple[TargetInspection, ...]


async def look_and(describe: Callable[[LookedTargets], Awaitable[PlanType]], job: PlanJob) -> PlanType:
    """Open the targets of `job`, look at them, and describe what would come next.

    Raises:
        UsageError: a URL cannot be used, a password cannot be had.
        TargetError, RefusedError: no target of the run can be asked.
    """
    async with AsyncExitStack() as stack:
        every = (*job.run.targets.selected, *job.others)
        # A plan only reads, whatever the run would do.
        run = replace(job.run.on(every), safety=replace(job.run.safety, write=False))
        targets = open_targets.open_all(run, "bulkq plan", lambda _: None)
        for target in targets:
            stack.push_async_callback(target.sessions.close)
        return await describe(await _look(job, run, targets, stack))


async def _look(job: PlanJob, run: Run, targets: Sequence[OpenTarget], stack: AsyncExitStack) -> LookedTargets:
    """Let every target prepare its statements. One that cannot be reached hides no other."""
    found: dict[int, tuple[Finding, ...]] = {}
    timeout_s = run.limits.connect_timeout_s

    async def prepare(target: OpenTarget, connection: Connection) -> None:
        target.server = connection.server
        for place in target.places:
            found[place] = await refusals(connection, job.statements.get(place, ()), run.targets.selected[place])

    async def visit(target: OpenTarget) -> None:
        await open_targets.visit(target, prepare, connect_timeout_s=timeout_s, answer_s=None)

    asked = [target for target in targets if any(place in job.statements for place in target.places)]
    await open_targets.side_by_side(asked, visit, all_may_fail=True)
    at = {place: target for target in targets for place in target.places}
    own = range(len(job.run.targets.selected))
    place = next((place for place in own if at[place].lost is None), own[0])
    first, labels = at[place], open_targets.labels(run, targets)
    if first.lost is not None:
        raise first.lost
    connection = await open_targets.connected(first, timeout_s)
    stack.push_async_callback(connection.close)
    others = tuple(
        TargetInspection(
            labels[other],
            run.targets.selected[other],
            target.driver.capabilities.name if other in found else "",
            target.server if other in found else None,
            found.get(other, ()),
            target.lost if other not in found else None,
        )
        for other, target in sorted(at.items())
        if other != place and other in job.statements
    )
    return LookedTargets(first, run.targets.selected[place], labels[place], connection, others)


async def leave_out_skipped(
    connection: Connection, queries: Sequence[Query], label: str, say: Callable[[str], None], *, write: bool = False
) -> tuple[Query, ...]:
    """Those of `queries` that the first target, called `label`, meets the requirements of. Tells `say` why others are skipped.

    Raises:
        RefusedError: one of them would be skipped in a run that changes data (`write`), which refuses it.
    """
    reasons = await find_skipped(connection, queries)
    for query, reason in zip(queries, reasons, strict=True):
        if reason and write:
            raise unmet(label, query, reason)
        if reason:
            say(f"{label}: {query.name}: would be skipped: {reason}")
    return tuple(query for query, reason in zip(queries, reasons, strict=True) if reason == "")


async def refusals(connection: Connection, queries: Sequence[Query], target: Target) -> tuple[Finding, ...]:
    """What the server says against `queries`, with names looked up where `target` says."""
    reasons = await find_skipped(connection, queries)
    asked = [q.within(target) for q, skip in zip(queries, reasons, strict=True) if skip == "" and not why_not(q)]
    found = [await ask(connection, query) for query in asked]
    return tuple(one for one in found if one is not None)

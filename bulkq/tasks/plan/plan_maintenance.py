"""Plan maintenance: list the objects in their order, execute nothing and write nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.stop_control import Control
from bulkq.lifecycle.command_steps import RunJob
from bulkq.lifecycle.maintain.all_databases import on_all_databases
from bulkq.lifecycle.maintain.prepare import look_at_targets, options_of
from bulkq.lifecycle.open_run import open_run
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.errors import BulkqError
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Run, Server
    from bulkq.model.maintenance import ObjectFacts
    from bulkq.protocols import Ledger, Observer


@frozen
class PlannedObject:
    """An object, and the statement that would be executed for it."""

    facts: ObjectFacts
    statement: str


@frozen(kw_only=True)
class TargetPlan:
    """What would be done on one target.

    Attributes:
        label: of the target.
        server: with its version.
        driver: its name.
        listed: objects for which the command could be executed.
        planned: those of the run, in their order.
    """

    label: str
    server: Server
    driver: str
    listed: int
    planned: tuple[PlannedObject, ...]


@frozen(kw_only=True)
class MaintenancePlan:
    """What would be done. `lost` are targets that cannot be maintained, with the reason."""

    targets: tuple[TargetPlan, ...]
    lost: tuple[tuple[str, BulkqError], ...] = ()

    @property
    def code(self) -> int:
        """The exit code of the plan."""
        codes = [error.exit_code for _, error in self.lost]
        return next((code for code in (2, 4, 3) if code in codes), 0)


async def plan_maintenance(
    request: Run, *, observers: Sequence[Observer] = (), all_databases: bool = False
) -> MaintenancePlan:
    """List the objects of `request`, as a run would.

    Args:
        request: as of a run.
        observers: are given the notices of a run before its first command.
        all_databases: every database of the servers of the targets is a target.

    Raises:
        BulkqError: the run would not begin: usage (2), target (3), refused (4).
    """
    if all_databases:
        request = await on_all_databases(request, observers)
    async with AsyncExitStack() as stack:
        opened = await open_run(_job(request, observers), stack)
        try:
            await look_at_targets(opened, exact=True)
            return MaintenancePlan(
                targets=tuple(_target(opened, target) for target in opened.targets if target.lost is None),
                lost=tuple((target.label, target.lost) for target in opened.targets if target.lost is not None),
            )
        finally:
            opened.discard()


def _job(request: Run, observers: Sequence[Observer]) -> RunJob:
    """A job without a record or an output."""
    quiet = replace(request, output=replace(request.output, failures=None, reports=()))
    ledger: asyncio.Future[Ledger] = asyncio.get_running_loop().create_future()
    return RunJob(request=quiet, run="plan", ledger=ledger, control=Control(), observers=observers)


def _target(opened: OpenRun, target: OpenTarget) -> TargetPlan:
    (part,) = target.parts
    made = opened.maintained[part.spec.number]
    options = options_of(opened)
    assert target.server is not None, "it was looked at"
    return TargetPlan(
        label=target.label,
        server=target.server,
        driver=target.driver.capabilities.name,
        listed=len(made.listed),
        planned=tuple(
            PlannedObject(facts, made.catalog.statement(options, facts.object, made.server)) for facts in made.chosen
        ),
    )

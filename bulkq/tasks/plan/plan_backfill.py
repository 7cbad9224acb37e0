"""Plan a backfill: look at its tables, explain a few ranges, execute nothing and write nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for, key_ranges
from bulkq.drivers import dialect_of
from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError
from bulkq.lifecycle.backfill.explain import SEQSCAN, refuse_scans
from bulkq.lifecycle.backfill.plan_file import planned_tables
from bulkq.lifecycle.backfill.prepare import prepare_backfill
from bulkq.lifecycle.command_steps import RunJob
from bulkq.lifecycle.open_run import open_run
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.key_range import KeyRange
from bulkq.query.range_placeholder import expand

if TYPE_CHECKING:
    from bulkq.dialects import Dialect
    from bulkq.errors import BulkqError
    from bulkq.lifecycle.backfill.plan_file import PlannedTable
    from bulkq.lifecycle.backfill.table_backfill_state import ExplainedRange, TableBackfill
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Run, Server
    from bulkq.model.key_range import RangeForm, TableFacts
    from bulkq.protocols import Ledger


@frozen(kw_only=True)
class TablePlan:
    """What a backfill would do to a table of one target.

    Attributes:
        target: without a password.
        identity: of the database; "" if it has none.
        server: with its version.
        driver: its name.
        facts: of the table.
        statement: as it runs for a range in the middle.
        text: the statement with the place of its range.
        apply: the query that takes what a function makes of the rows of the statement; "" without one.
        locks: what it locks, for people.
        explained: the plans of a few ranges.
        empty: the table has no rows.
        problem: why the backfill would be refused; None if it would not.
    """

    target: str
    identity: str
    server: Server
    driver: str
    facts: TableFacts
    statement: str
    text: str
    apply: str
    locks: str
    explained: tuple[ExplainedRange, ...]
    empty: bool
    problem: RefusedError | None


@frozen(kw_only=True)
class BackfillPlan:
    """What a backfill would do.

    Attributes:
        run: the request.
        tables: by target.
        lost: targets that cannot be reached, with the reason.
        waits: what the throttles say now: why the lanes would wait; None if they would not.
        load: the highest signal of the throttles, divided by its limit; None if none has a scale.
        planned: the tables as a file of the plan has them.
    """

    run: Run
    tables: tuple[TablePlan, ...]
    lost: tuple[tuple[str, BulkqError], ...] = ()
    waits: str | None = None
    load: float | None = None
    planned: tuple[PlannedTable, ...] = ()


async def plan_backfill(request: Run) -> BackfillPlan:
    """Go the way of a backfill up to its first statement, which is not executed. No table is made, no file is written.

    Raises:
        BulkqError: the backfill would not begin: usage (2), target (3), refused (4).
    """
    async with AsyncExitStack() as stack:
        opened = await open_run(_job(request), stack)
        try:
            await prepare_backfill(opened)
            return BackfillPlan(
                run=request,
                tables=tuple(_table(opened, target) for target in opened.targets if target.lost is None),
                lost=tuple((target.label, target.lost) for target in opened.targets if target.lost is not None),
                waits=opened.throttle.reason() if opened.throttle is not None else None,
                load=opened.throttle.load() if opened.throttle is not None else None,
                planned=await planned_tables(opened),
            )
        finally:
            opened.discard()


def _job(request: Run) -> RunJob:
    """A job without a record, an output, or a refusal for its plan, which is shown instead."""
    safety = replace(request.safety, allow=request.safety.allow | {SEQSCAN}, ledger="auto")
    quiet = replace(request, safety=safety, output=replace(request.output, failures=None, reports=()))
    ledger: asyncio.Future[Ledger] = asyncio.get_running_loop().create_future()
    return RunJob(request=quiet, run="plan", ledger=ledger, control=Control())


def _table(opened: OpenRun, target: OpenTarget) -> TablePlan:
    (part,) = target.parts
    made = opened.backfills[part.spec.number]
    middle = made.explained[len(made.explained) // 2].range if made.explained else KeyRange(made.start, made.end or ())
    assert target.server is not None, "it was looked at"
    return TablePlan(
        target=target.label,
        identity=target.identity,
        server=target.server,
        driver=target.driver.capabilities.name,
        facts=made.facts,
        statement=_shown(made, middle.form, dialect_for(dialect_of(target.definition.url))),
        text=made.statement.sql,
        apply=part.spec.query.sql if part.transform is not None else "",
        locks=dialect_for(dialect_of(target.definition.url)).write_locks,
        explained=made.explained,
        empty=made.end is None,
        problem=_problem(opened, target),
    )


def _shown(made: TableBackfill, form: RangeForm, dialect: Dialect) -> str:
    """The statement for a range of this form, with the placeholders alone where the database converts texts: SQLite's are long."""
    if made.end is None:
        return made.statement.sql
    texts = replace(key_ranges.conversion(dialect), value=lambda text, _: text)
    plain = replace(dialect, late={**dialect.late, "keys": texts})
    condition = partial(key_ranges.condition, made.facts.key, form, plain)
    return expand(made.statement, dialect.name, condition).query.sql


def _problem(opened: OpenRun, target: OpenTarget) -> RefusedError | None:
    made = opened.backfills[target.parts[0].spec.number]
    try:
        refuse_scans(made, made.explained)
    except RefusedError as error:
        return error
    return None

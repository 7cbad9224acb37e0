"""Plan a run of checks: prepare its statements, execute nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, RefusedError, UsageError
from bulkq.lifecycle.expand_targets import expand_targets
from bulkq.lifecycle.names_as_texts import find_name_as_text
from bulkq.model import StatementClass
from bulkq.model.check_conditions import Measure
from bulkq.model.frozen_dataclass import frozen
from bulkq.query import read_rules as rules_of
from bulkq.tasks.check.connect_and_plan import as_sent, exporter, itself
from bulkq.tasks.check.open_check import wanted_sets
from bulkq.tasks.check.run_checks import NO_SETS, refuse
from bulkq.tasks.plan.plan_run import At, QueryPlan, asking, look_into
from bulkq.tasks.plan.prepare_statements import (
    LookedTargets,
    PlanJob,
    TargetInspection,
    leave_out_skipped,
    look_and,
    refusals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from bulkq.model import Query, Run
    from bulkq.model.check_conditions import CheckRules, Condition
    from bulkq.targets import Config
    from bulkq.tasks.check.open_check import CheckRequest
    from bulkq.tasks.server_lint import Finding

CHANGES = frozenset({StatementClass.WRITE, StatementClass.DDL})


@frozen
class CheckPlan:
    """What is known about one check before it runs."""

    made: QueryPlan
    rules: CheckRules
    compared: Query | None = None  # of `same as`
    on: str = ""  # the other target of `same as NAME on TARGET`
    findings: tuple[Finding, ...] = ()  # what the server says against the query that it is compared with
    errors: tuple[str, ...] = ()  # why its verdict would be error, whatever the data are


@frozen
class ChecksPlan:
    """What is known about a run of checks before it begins."""

    run: Run  # with its final targets, but for those that a query gives: it is not asked
    first: TargetInspection | None  # None: there is no target, which is allowed
    others: tuple[TargetInspection, ...]
    checks: tuple[CheckPlan, ...]
    notices: tuple[str, ...] = ()  # of targets that were left out
    asking: Finding | None = None  # the server refuses the query that gives the targets
    snapshot: BulkqError | None = None  # why none can be shared


async def plan_checks(
    request: CheckRequest, *, config: Config | None = None, stdin: BinaryIO | None = None
) -> ChecksPlan:
    """Look at every check that `request` names: at all of it on the first target that can be reached, at the statement on each.

    Schemas are listed, which is a read of the catalog. A query that gives targets or parameter sets is the user's, and is not asked.

    Raises:
        TargetError: no target can be reached.
        RefusedError: the only one is not the database that was expected.
        UsageError: nothing to check, or nowhere; a URL is not understood, a driver is not installed; no schema matches.
    """
    refuse(request)
    notices: list[str] = []
    run = request.run
    if not run.targets.selected:
        return ChecksPlan(run, None, (), tuple(_unseen(query, request) for query in run.queries.selected))
    if run.targets.sql is None and (run.targets.schemas or len(run.targets.selected) > 1):
        run = await expand_targets(run, config, notices.append, everywhere=True)
        request = replace(request, run=run)
    job = PlanJob(run, _statements(request), tuple(request.other_targets.values()))

    async def describe(looked: LookedTargets) -> ChecksPlan:
        driver, server = looked.first.driver, looked.connection.server
        at = At(looked.target, driver, looked.connection, described=run.targets.sql is None, explained=False)
        selected = await leave_out_skipped(looked.connection, run.queries.selected, looked.label, notices.append)
        return ChecksPlan(
            run,
            TargetInspection(looked.label, looked.target, driver.capabilities.name, server),
            looked.others,
            tuple([await _check(query, request, at, stdin) for query in selected]),
            tuple(notices),
            await asking(run, looked.connection),
            _no_snapshot(request, at, looked.first.label),
        )

    return await look_and(describe, job)


def _statements(request: CheckRequest) -> dict[int, Sequence[Query]]:
    """What is prepared on each target: of several the checks, and on that of `same as NAME on TARGET` those queries."""
    selected = request.run.queries.selected
    count = len(request.run.targets.selected)
    asked = [as_sent(query) for query in _here(request) if _wrong_kind(query) is None]
    found: dict[int, Sequence[Query]] = dict.fromkeys(range(count), asked) if count > 1 else {}
    for place, name in enumerate(request.other_targets, count):
        compared = [query for query in selected if _other_target(query) == name and query.place in request.references]
        found[place] = [as_sent(request.references[query.place]) for query in compared]
    return found


def _here(request: CheckRequest) -> list[Query]:
    """The checks, and what they are compared with on the same target; each once."""
    every = list(request.run.queries.selected)
    for query in request.run.queries.selected:
        reference = request.references.get(query.place)
        if reference is not None and not _other_target(query) and all(reference is not known for known in every):
            every.append(reference)
    return every


def _same(query: Query) -> Condition | None:
    return next((c for c in rules_of(query).expect if c.measure is Measure.SAME), None)


def _other_target(query: Query) -> str:
    same = _same(query)
    return same.target if same is not None else ""


def _no_snapshot(request: CheckRequest, at: At, label: str) -> BulkqError | None:
    if not request.snapshot or request.run.targets.sql is not None:
        return None
    try:
        exporter(at.connection, label)
    except (UsageError, RefusedError) as error:
        return error
    return None


def _unseen(query: Query, request: CheckRequest) -> CheckPlan:
    """A check that has no target."""
    return CheckPlan(QueryPlan(query), rules_of(query), request.references.get(query.place), _other_target(query))


async def _check(query: Query, request: CheckRequest, at: At, stdin: BinaryIO | None) -> CheckPlan:
    rules, reference, on = rules_of(query), request.references.get(query.place), _other_target(query)
    wrong = _wrong_kind(query)
    wanted = wanted_sets(request, query, query, stdin)
    silent = replace(at, described=at.described and wrong is None and query.statement is not StatementClass.MAINTENANCE)
    made = await look_into(as_sent(query), wanted, request.run, silent, unused_constants_ok=True)
    made = replace(made, query=query, source=made.source or ", ".join(wanted.specs))
    findings: Sequence[Finding] = ()
    if reference is not None and not on and at.described:
        findings = await refusals(at.connection, [as_sent(reference)], at.target)
    errors = [*([wrong] if wrong else []), *_errors(made, rules, request)]
    if at.driver.capabilities.dynamic_types and silent.described:
        text = await find_name_as_text(at.connection, as_sent(query))
        errors += [text.message] if text else []
    same, other = _same(query), request.other_targets.get(on)
    if same is not None and other is not None and reference is not None and reference.place == query.place:
        here = at.target.like(other)
        errors += [itself(same)] if (here.name or here.url) == (other.name or other.url) else []
    return CheckPlan(made, rules, reference, on, tuple(findings), tuple(errors))


def _wrong_kind(query: Query) -> str | None:
    """Why a check of this statement can only be an error. Of what begins in no known way, the server knows more."""
    if query.statement is StatementClass.SESSION:
        return f"{query.verb} controls the session or its transaction, which bulkq manages: it is not sent"
    if query.statement in CHANGES and query.meant is None:
        return f"{query.verb} changes data, and a check only reads"
    return None


def _errors(made: QueryPlan, rules: CheckRules, request: CheckRequest) -> list[str]:
    """What is wrong whatever the data are."""
    found = []
    if made.total == 0 and made.query.parameters and made.problem is None and not request.allow_empty:
        found.append(NO_SETS)
    names = {column.name.casefold() for column in made.columns}
    unknown = [f'"{name}"' for name in rules.mask if name.casefold() not in names]
    if made.columns and unknown:
        there = ", ".join(column.name for column in made.columns)
        found.append(f"@mask {', '.join(unknown)} is not a column of the result ({there}): nothing is shown")
    if not request.run.safety.recorded:
        conditions = (*rules.expect, *rules.warn, *rules.fail)
        past = [condition.text for condition in conditions if condition.measure is Measure.UNCHANGED]
        found += [f"{condition}: there is no ledger to compare with: leave out --ledger none" for condition in past]
    return found

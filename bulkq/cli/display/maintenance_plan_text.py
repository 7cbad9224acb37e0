"""The plan of a maintenance run as lines: a table of objects for each target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bulkq.cli.display.shared_plan_lines import row, server_text
from bulkq.text.byte_sizes import size_text
from bulkq.text.durations import duration_text
from bulkq.text.tables import align

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model.maintenance import ObjectFacts
    from bulkq.tasks.plan.plan_maintenance import MaintenancePlan, TargetPlan

COLUMNS = ("size", "dead", "dead%", "bloat", "bloat%", "age", "last_vacuum", "last_analyze")
"""Columns of facts that are shown if one of the objects has a value."""

NAMES = {"last_vacuum": "vacuumed", "last_analyze": "analyzed"}
TIMES = frozenset(NAMES)
SIZES = frozenset({"size", "bloat"})


def plan_lines(made: MaintenancePlan) -> Iterable[str]:
    """Yield the lines of a plan."""
    for target in made.targets:
        yield row("target", f"{target.label}, {server_text(target.server, target.driver)}")
        yield row("objects", _count(target))
        yield from target_lines(target)
    for label, error in made.lost:
        yield row("also", f"{label}: {error}")


def _count(target: TargetPlan) -> str:
    skipped = sum(1 for one in target.planned if one.facts.missing)
    locked = sum(1 for one in target.planned if one.facts.locked)
    parts = [f"{len(target.planned):,} of {target.listed:,}"]
    parts += [f"{skipped:,} would be skipped"] if skipped else []
    parts += [f"{locked:,} locked now"] if locked else []
    return ", ".join(parts)


def target_lines(target: TargetPlan) -> list[str]:
    """The objects of one target in their order, with what is known of each, as a table."""
    if not target.planned:
        return []
    columns = [name for name in COLUMNS if any(_known(one.facts, name) for one in target.planned)]
    rows = [["object", *(NAMES.get(name, name) for name in columns), "statement"]]
    for one in target.planned:
        cells = [_cell(one.facts, name) for name in columns]
        rows.append([one.facts.object.shown, *cells, _statement(one.facts, one.statement)])
    return [f"  {line}" for line in align(rows, right=range(1, len(columns) + 1), widest=60)]


def _known(facts: ObjectFacts, column: str) -> bool:
    value = facts.values.get(column)
    return value is not None and (column in TIMES or value > 0)


def _statement(facts: ObjectFacts, statement: str) -> str:
    if facts.missing:
        return f"skipped: {facts.missing}"
    notes = [facts.note] if facts.note else []
    notes += [f"locked now by {facts.locked}"] if facts.locked else []
    return f"{statement}  ({'; '.join(notes)})" if notes else statement


def _cell(facts: ObjectFacts, column: str) -> str:
    value = facts.values.get(column)
    if value is None:
        return ""
    if column in TIMES:
        return "never" if math.isinf(value) else duration_text(value)
    if column in SIZES:
        return size_text(int(value))
    return f"{value:.1f}%" if column.endswith("%") else f"{value:,.0f}"

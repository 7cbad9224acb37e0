"""The plan of a maintenance run as lines."""

from __future__ import annotations

import math

from bulkq.cli.display.maintenance_plan_text import plan_lines
from bulkq.errors import TargetError
from bulkq.model import Server
from bulkq.model.maintenance import MaintainedObject, ObjectFacts
from bulkq.tasks.plan.plan_maintenance import MaintenancePlan, PlannedObject, TargetPlan


def planned(name: str, missing: str = "", locked: str = "", note: str = "", **values: float | None) -> PlannedObject:
    """A table with what is known of it."""
    facts = ObjectFacts(MaintainedObject("table", "public", name), values, missing, None, locked, note)
    return PlannedObject(facts, f"VACUUM {name}")


def test_a_table_for_each_target() -> None:
    """Only columns that have a value; why an object would be skipped, and who has locked it."""
    target = TargetPlan(
        label="shop",
        server=Server("postgresql", "18.4", 180004),
        driver="asyncpg",
        listed=5,
        planned=(
            planned("a", size=2e6, dead=1234, last_vacuum=math.inf, **{"dead%": 12.5}, bloat=0),
            planned("b", missing="no right", size=10.0, last_vacuum=90),
            planned("c", locked="pid 7", note="n"),
        ),
    )
    empty = TargetPlan(label="none", server=Server("sqlite", "3", 3), driver="aiosqlite", listed=0, planned=())
    lines = list(plan_lines(MaintenancePlan(targets=(target, empty), lost=(("far", TargetError("down")),))))
    assert lines[1:6] == [
        "objects       3 of 5, 1 would be skipped, 1 locked now",
        "  object        size   dead  dead%  vacuumed  statement",
        "  public.a    2.0 MB  1,234  12.5%     never  VACUUM a",
        "  public.b  10 bytes                   1m30s  skipped: no right",
        "  public.c                                    VACUUM c  (n; locked now by pid 7)",
    ]
    assert lines[-1] == "also          far: down"

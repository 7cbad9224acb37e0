"""The plan of a maintenance run."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, cast

from bulkq.cli.commands.maintain import command
from bulkq.cli.options import build_maintain
from bulkq.errors import RefusedError, TargetError
from bulkq.tasks.plan.plan_maintenance import MaintenancePlan, plan_maintenance

if TYPE_CHECKING:
    from pathlib import Path

    import click


async def test_a_plan_lists_objects_and_executes_nothing(tmp_path: Path) -> None:
    """Each with its statement."""
    opened = sqlite3.connect(tmp_path / "app.db")
    opened.executescript("create table a (id int); create table b (id int)")
    with cast("click.Command", command).make_context(
        "maintain", ["analyze", "-t", f"sqlite:///{tmp_path}/app.db", "--exclude", "b"]
    ) as ctx:
        made = await plan_maintenance(build_maintain.build(cast("Any", ctx.params), ctx))
    [target] = made.targets
    assert target.listed == 2
    assert [one.statement for one in target.planned] == ["ANALYZE `a`"]
    assert opened.execute("select count(*) from sqlite_schema where name = 'sqlite_stat1'").fetchone() == (0,)


def test_the_exit_code_of_a_plan() -> None:
    """A refusal outranks a target that cannot be reached."""
    lost = (("a", TargetError("down")), ("b", RefusedError("standby")))
    assert MaintenancePlan(targets=()).code == 0
    assert MaintenancePlan(targets=(), lost=lost[:1]).code == 3
    assert MaintenancePlan(targets=(), lost=lost).code == 4

"""The plan of a backfill as lines."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bulkq.cli.commands.backfill import command
from bulkq.cli.display.backfill_plan_text import plan_lines
from bulkq.cli.options import build_backfill
from bulkq.tasks.plan.plan_backfill import BackfillPlan


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--where", "a is null"), "no row up to the last row at the start may still match --where a is null"),
        (("--where", "b = 1"), "none: --where names no column that --set changes, so give --verify QUERY"),
        (("--verify", "select 1"), "must give 0 or no row: select 1"),
    ],
)
def test_a_plan_says_how_the_end_is_verified(options: tuple[str, ...], told: str) -> None:
    """A condition that the statement cannot change verifies nothing."""
    arguments = ["-t", "sqlite:///app.db", "--over", "t", "--set", "a = 1", *options]
    with command.make_context("backfill", arguments) as ctx:
        request = build_backfill.build(cast("Any", ctx.params), ctx)
    lines = [*plan_lines(BackfillPlan(run=request, tables=()), request)]
    assert any(line.startswith("verification") and line.endswith(told) for line in lines)

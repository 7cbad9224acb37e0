"""The plan of checks as lines."""

from __future__ import annotations

from bulkq import query as queries
from bulkq.cli.display.check_plan_text import plan_lines
from bulkq.model import Run
from bulkq.model.run import QueryOptions, SourceOptions, TargetOptions
from bulkq.model.shard import Shard
from bulkq.reports import ReportRequest
from bulkq.tasks.check.open_check import CheckRequest
from bulkq.tasks.plan.plan_checks import ChecksPlan


def test_a_plan_counts_checks_and_names_reports() -> None:
    """Of a shard, the number of all checks stands beside its own; what was left out follows."""
    selected = (queries.inline("select 1", "sqlite"),)
    run = Run(
        queries=QueryOptions(selected=selected),
        sources=SourceOptions(shard=Shard(1, 2)),
        targets=TargetOptions(selected=()),
    )
    request = CheckRequest(run=run, elsewhere=selected)
    made = ChecksPlan(run, None, (), ())
    lines = [*plan_lines(made, request, [ReportRequest("json")], "; left out: 3")]
    assert lines[-1].split(maxsplit=1) == ["checks", "0 of 2, as shard 1/2; left out: 3"]
    assert any(line.split(maxsplit=1) == ["report", "json to stdout"] for line in lines)

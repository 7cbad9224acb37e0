"""The plan of a run as lines."""

from __future__ import annotations

from bulkq import query as queries
from bulkq.cli.display.run_plan_text import plan_lines
from bulkq.model import Capabilities, Run, Server, Target
from bulkq.model.run import OutputOptions, QueryOptions, SourceOptions, TargetOptions
from bulkq.model.shard import Shard
from bulkq.tasks.plan.plan_run import OutputPlan, Plan


def test_a_plan_says_what_a_shard_has_and_where_rows_go() -> None:
    """The first sets of a shard are numbers of the source; a file that exists is announced."""
    run = Run(
        queries=QueryOptions(selected=(queries.inline("select 1", "sqlite"),)),
        sources=SourceOptions(specs=("ids.csv",), shard=Shard(2, 3)),
        targets=TargetOptions(selected=(Target(name="", url="sqlite:///app.db"),)),
        output=OutputOptions(unordered=True),
    )
    can = Capabilities("sqlite", False, True, False, True, False, True)
    made = Plan(
        run, "sqlite:///app.db", can, Server("sqlite", "3.40.1", 3040001), (), OutputPlan("x.csv", "csv", True, None)
    )
    told = dict(line.split(maxsplit=1) for line in plan_lines(made))
    assert told["shard"] == "2/3: the sets 2, 5, 8, ..."
    assert told["output"] == "x.csv (exists, will be replaced) as csv, in order of completion"
    assert told["null"] == "an empty field is NULL"

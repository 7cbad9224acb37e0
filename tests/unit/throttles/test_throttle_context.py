"""What throttles are told of a run."""

from __future__ import annotations

from dataclasses import replace

from bulkq import query as queries
from bulkq.model.run import BackfillOptions, make_run
from bulkq.throttles.throttle_context import ThrottleContext, describe_run


def test_nothing_is_told_by_default() -> None:
    """A context without a run has no target, and nobody to tell."""
    context = ThrottleContext()
    context.say("nothing")
    assert (context.targets, context.commits, context.writes) == ((), {}, False)


def test_a_run_is_described() -> None:
    """Its lanes are found by their application name, and its table by the options of a backfill."""
    request = make_run(queries=(queries.inline("select 1", "postgres"),), write=True)
    said: list[str] = []
    context = describe_run(request, "r1", (), said.append)
    assert (context.run, context.name, context.application_name) == ("r1", "sql", "bulkq/r1")
    assert (context.writes, context.table) == (True, "")
    backfill = replace(request, backfill=BackfillOptions(over="orders"))
    context = describe_run(backfill, "r1", (), said.append, in_python=True)
    assert (context.table, context.application_name) == ("orders", "bulkq")


def test_every_throttle_that_asks_is_told_of_a_commit() -> None:
    """Without one, nothing is measured."""
    context, seen = ThrottleContext(), list[float]()
    assert context.recorder("db") is None
    context.commits["db"] = [seen.append]
    assert context.recorder("db") == seen.append
    assert context.recorder("other") is None
    context.commits["db"].append(seen.append)
    record = context.recorder("db")
    assert record is not None
    record(0.5)
    assert seen == [0.5, 0.5]

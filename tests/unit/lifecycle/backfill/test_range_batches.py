"""Statement, values and steps of a range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.lifecycle.backfill.range_batches import FormQueries, KeyRangeBatches
from bulkq.model.key_range import KeyRange
from bulkq.query import inline

if TYPE_CHECKING:
    from bulkq.model import Query
    from bulkq.model.key_range import RangeForm

FIRST, NEXT = KeyRange((), ("3",), 9), KeyRange(("3",), ("7",), 8)
TABLES = markers.tables(None)
MADE: list[RangeForm] = []


def statement(form: RangeForm) -> Query:
    """An update with the bounds of a form."""
    MADE.append(form)
    lower = "id > :bulkq_lo and " if form.lower else ""
    return inline(f"update t set n = :n where {lower}id <= :bulkq_hi", "sqlite")


def test_each_form_has_one_statement() -> None:
    """Its values are those of the range and of --param, in the order of the text."""
    MADE.clear()
    batches = KeyRangeBatches(statement, {"n": "5"})
    query, values = batches.statement(FIRST)
    assert (query.parameters[1].name, values) == ("bulkq_hi", ("5", "3"))
    assert batches.statement(NEXT)[1] == ("5", "3", "7")
    assert batches.statement(KeyRange(("7",), ("9",)))[1] == ("5", "7", "9")
    assert len(MADE) == 2
    assert query.one_set


def test_ends_are_recorded_behind_the_statement() -> None:
    """A new range is inserted; one that is recorded as failed changes its state; a run on no record has no steps."""
    batches = KeyRangeBatches(statement, {"n": "5"})
    assert batches.steps(1, FIRST) is None
    batches.record_in(TABLES, "run-1", 1, "sqlite", frozenset({4}))
    new, again = batches.steps(1, FIRST), batches.steps(4, NEXT)
    assert new is not None
    assert again is not None
    assert (new.after[0].query.verb, new.after[0].params[:3], new.after[0].rows) == ("INSERT", ("1", "9", None), 1)
    assert (again.after[0].query.verb, again.after[0].params, again.after[0].rows) == ("UPDATE", ("8", "4"), 1)


def test_other_statements_stand_around_it() -> None:
    """They may have the number of the range; its ends come last."""
    batches = KeyRangeBatches(statement, {"n": "5"})
    before, after = (inline(f"insert into {name} values (:bulkq_first)", "sqlite") for name in ("a", "b"))
    batches.rewrite(lambda form: FormQueries(statement(form), (before,), (after,)))
    batches.record_in(TABLES, "run-1", 1, "sqlite")
    steps = batches.steps(3, FIRST)
    assert steps is not None
    assert [(step.query, step.params) for step in steps.before] == [(before, ("3",))]
    assert next(step.query for step in steps.after) is after
    assert len(steps.after) == 2

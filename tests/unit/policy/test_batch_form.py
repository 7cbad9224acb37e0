"""The form of a batch of reads: both are tried, the faster one stays, failures are paid for set by set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.model import Limits
from bulkq.policy.batch_form import (
    FIRST_AGAIN,
    LARGER,
    LAST_AGAIN,
    LEAST,
    LEAST_UNPIPELINED,
    PROBES,
    TOGETHER_S,
    BatchForm,
    Form,
    limits_together,
    why_apart,
)
from bulkq.policy.batch_size import BatchSize
from bulkq.query import inline


def measured(set_s: float, pipeline_s: float) -> BatchForm:
    """A choice that has tried both forms."""
    choice = BatchForm()
    for _ in range(2 * PROBES):
        form = choice.next(100)
        choice.record(form, 100, 100 * (set_s if form is Form.SET else pipeline_s))
    return choice


def test_small_batches_go_set_by_set() -> None:
    """A round trip outweighs them, and what they take says nothing."""
    choice = BatchForm()
    assert choice.next(LEAST - 1) is Form.PIPELINE
    choice.record(Form.PIPELINE, LEAST - 1, 1.0)
    assert choice.next(LEAST) is Form.SET


def test_what_is_certain_is_not_measured() -> None:
    """One statement for every batch that is large enough, however long it takes; a failure is paid for set by set."""
    choice = BatchForm(certain=True)
    for _ in range(9):
        assert choice.next(LEAST) is Form.SET
        choice.record(Form.SET, LEAST, 1.0)
    assert choice.next(LEAST - 1) is Form.PIPELINE
    choice.fail()
    assert choice.next(LEAST) is Form.PIPELINE
    choice.record(Form.PIPELINE, LEAST, 0.001)
    assert choice.next(LEAST) is Form.SET
    assert BatchForm(Form.PIPELINE, certain=True).next(LEAST) is Form.PIPELINE


@pytest.mark.parametrize(("set_s", "wins"), [(0.001, True), (0.0021, False), (0.003, False)])
def test_slow_sets_are_tried_together_in_small_batches(set_s: float, wins: bool) -> None:
    """Their round trip is a small part of them. One statement has to be clearly faster, because a slower set than usual ends it."""
    choice = BatchForm()
    seen = []
    for sets in [20] * 12:
        form = choice.next(sets)
        seen.append(form)
        choice.record(form, sets, sets * (set_s if form is Form.SET else 0.0022))
    assert seen[0] is Form.PIPELINE
    assert seen.count(Form.SET) == (12 - 1 - PROBES if wins else PROBES)
    assert choice.next(1) is Form.PIPELINE
    choice.record(Form.PIPELINE, LEAST, 0.01)
    assert choice.next(LEAST - 1) is Form.PIPELINE, "fast sets are compared in large batches"


def test_the_small_batches_of_a_start_are_not_those_of_slow_sets() -> None:
    """While lanes begin, a set takes a millisecond, and its batch ends soon."""
    choice = BatchForm()
    choice.record(Form.PIPELINE, 5, 0.006)
    assert choice.next(LEAST - 1) is Form.PIPELINE


def test_a_try_that_tells_nothing_is_repeated() -> None:
    """Sets were slow when it began and fast when it ended; or it failed; or its connection was lost, which nobody reports."""
    choice = BatchForm()
    choice.record(Form.PIPELINE, 20, 0.04)
    assert [choice.next(20) for _ in range(PROBES)] == [Form.SET] * PROBES
    choice.record(Form.PIPELINE, LEAST, 0.001)
    choice.record(Form.SET, 20, 0.02)
    assert choice.next(LEAST) is Form.SET
    choice.fail()
    choice.record(Form.PIPELINE, LEAST, 0.001)
    assert choice.next(LEAST) is Form.SET
    assert Form.SET in [choice.next(LEAST) for _ in range(PROBES + LAST_AGAIN)]


def test_large_batches_are_tried_though_small_ones_were_slower_together() -> None:
    """In a small batch the statement around the sets takes long, and a session prepares it first."""
    choice = BatchForm()
    for sets in (LEAST, LEAST * LARGER):
        for _ in range(2 * PROBES + 4):
            form = choice.next(sets)
            choice.record(form, sets, 0.02 + sets * 1e-5 if form is Form.SET else sets * 3e-5)
    assert choice.next(LEAST * LARGER) is Form.PIPELINE
    large = LEAST * LARGER * LARGER * LARGER
    assert choice.next(large) is Form.SET
    choice.record(Form.SET, large, 0.02 + large * 1e-5)
    choice.record(choice.next(large), large, large * 3e-5)
    assert [choice.next(large) for _ in range(4)] == [Form.SET] * 4


def test_both_forms_are_tried_before_the_first_choice() -> None:
    """As many batches of each."""
    choice = BatchForm()
    seen = []
    for _ in range(2 * PROBES):
        form = choice.next(100)
        seen.append(form)
        choice.record(form, 100, 0.1)
    assert seen.count(Form.SET) == seen.count(Form.PIPELINE) == PROBES


def test_the_faster_form_stays() -> None:
    """Whichever it is."""
    assert measured(0.1, 0.2).next(100) is Form.SET
    assert measured(0.2, 0.1).next(100) is Form.PIPELINE


def test_the_slower_form_is_tried_again() -> None:
    """Load and data change, and with them the choice. A form that is much slower is tried less often."""
    choice = measured(0.125, 0.25)
    for again in (2 * FIRST_AGAIN, 4 * FIRST_AGAIN):
        assert [choice.next(100) for _ in range(again)] == [Form.SET] * (again - 1) + [Form.PIPELINE]
    for _ in range(8):
        choice.record(Form.PIPELINE, 100, 0.1)
    assert choice.next(100) is Form.PIPELINE


def test_a_form_that_has_become_faster_is_doubted_again() -> None:
    """A busy moment must not decide for the rest of the run."""
    choice = measured(0.125, 0.25)
    while choice.next(100) is Form.SET:
        pass
    for _ in range(8):
        choice.record(Form.SET, 100, 50.0)
    again = [choice.next(100) for _ in range(2 * FIRST_AGAIN + 2)]
    assert again[:FIRST_AGAIN] == [Form.PIPELINE] * FIRST_AGAIN
    assert Form.SET in again


def test_lanes_that_begin_side_by_side_do_not_all_try_the_slower_form() -> None:
    """Each form is asked for as often as it is to be tried, though nothing has ended yet."""
    choice = BatchForm()
    begun = [choice.next(100) for _ in range(2 * PROBES + 4)]
    assert begun == [Form.SET] * PROBES + [Form.PIPELINE] * PROBES + [Form.SET] * 4
    choice.record(Form.PIPELINE, 100, 1.0)
    assert choice.next(100) is Form.PIPELINE


def test_failures_are_paid_for_with_batches_set_by_set() -> None:
    """More of them each time, until one statement goes well again."""
    choice = measured(0.1, 0.2)
    choice.fail()
    assert choice.next(100) is Form.PIPELINE
    choice.record(Form.PIPELINE, 100, 20.0)
    assert choice.next(100) is Form.SET
    choice.fail()
    waited = 0
    while choice.next(100) is Form.PIPELINE:
        choice.record(Form.PIPELINE, 100, 20.0)
        waited += 1
    assert waited == 4
    choice.record(Form.SET, 100, 10.0)
    choice.fail()
    choice.record(Form.PIPELINE, 100, 20.0)
    assert choice.next(100) is Form.PIPELINE


def test_a_fixed_form_is_not_measured() -> None:
    """The user's choice, or that of a query without such a statement."""
    assert BatchForm(Form.SET).next(2) is Form.SET
    choice = measured(0.1, 0.2)
    choice.refuse()
    assert choice.next(100) is Form.PIPELINE


@pytest.mark.parametrize(("timeout_s", "together_s"), [(30, TOGETHER_S), (None, TOGETHER_S), (0.2, 0.2)])
def test_one_statement_is_given_up_early(timeout_s: float | None, together_s: float) -> None:
    """Whatever the deadline of a set is, but not later than that."""
    limits = limits_together(Limits(timeout_s=timeout_s, read_only=True))
    assert limits == Limits(timeout_s=together_s, read_only=True, together=True)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select :v", ""),
        ("-- @param t ident\nselect * from :{t} where id = :v", ""),
        ("-- @param t ident\nselect * from :{t}", "it has no parameter"),
        ("select 1 where 1 in (:v*)", ":v is a list"),
        ("update t set a = :v", "it is not a read"),
    ],
)
def test_some_texts_are_never_executed_together(sql: str, why: str) -> None:
    """The reason is told."""
    assert why_apart(inline(sql, "postgres")) == why


def test_statements_outside_a_transaction_are_executed_apart() -> None:
    """Each has an attempt of its own."""
    assert why_apart(replace(inline("select :v", "postgres"), transaction=False)) == "it runs outside a transaction"


def driven(form: BatchForm, set_s: float, *, cost_s: float, batches: int = 40) -> list[int]:
    """The sizes of batches that a controller gives, where each set has a round trip of `set_s` and a batch `cost_s` more."""
    size, sizes = BatchSize(), []
    for _ in range(batches):
        sets = form.size(size.next(None, 8))
        how = form.next(sets)
        elapsed_s = cost_s + set_s * (1 if how is Form.SET else sets)
        form.record(how, sets, elapsed_s)
        size.record(sets, elapsed_s, sets)
        sizes.append(sets)
    return sizes


def test_one_statement_is_tried_where_each_set_has_a_long_round_trip() -> None:
    """It has one for all, so its batches grow, although those that go set by set would not."""
    sizes = driven(BatchForm(None, LEAST_UNPIPELINED), 0.04, cost_s=0.08)
    assert sizes[0] == 1
    assert sizes[-1] > 100


def test_slow_queries_are_not_tried_together() -> None:
    """Four of them would take longer than one statement may."""
    assert set(driven(BatchForm(None, LEAST_UNPIPELINED), 1.0, cost_s=0.0)) <= {1, 2}
    assert set(driven(BatchForm(Form.PIPELINE, LEAST_UNPIPELINED), 0.04, cost_s=0.08)) <= {1, 2}

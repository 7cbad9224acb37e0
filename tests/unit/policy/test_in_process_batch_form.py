"""The form and size of a batch where one statement has thousands of sets."""

from __future__ import annotations

from bulkq.policy.batch_form import FIRST_AGAIN, LEAST, BatchForm, Form
from bulkq.policy.in_process_batch_form import CLOSE, FIRST, MOST, MOST_PENALTY, PATIENCE_S, SHORT_S, GrowingForm

NATURAL = 100


def begun(per_set_s: float = 0.0005) -> GrowingForm:
    """A choice after two batches that were executed set by set."""
    form = GrowingForm()
    for _ in range(2):
        assert form.size(NATURAL) == NATURAL
        assert form.next(NATURAL) is Form.PIPELINE
        form.record(Form.PIPELINE, NATURAL, NATURAL * per_set_s)
    return form


def sizes_together(form: GrowingForm) -> list[int]:
    """The sizes of the next batches, where one statement is as fast as before."""
    sizes = []
    for _ in range(FIRST_AGAIN):
        sizes.append(form.size(NATURAL))
        form.record(Form.SET, sizes[-1], sizes[-1] * 0.00005)
    return sizes


def test_the_first_batches_go_set_by_set() -> None:
    """The first one has connected, so its time says nothing of a set."""
    form = GrowingForm()
    form.record(Form.PIPELINE, 1, 10.0)
    assert form.size(NATURAL) == NATURAL
    form.record(Form.PIPELINE, NATURAL, 0.05)
    assert form.size(NATURAL) == FIRST


def test_a_statement_that_is_short_grows() -> None:
    """Up to what memory allows; one that takes longer keeps its sets."""
    form = begun()
    assert form.size(NATURAL) == FIRST
    assert form.next(FIRST) is Form.SET
    form.record(Form.SET, FIRST, SHORT_S / 2)
    assert form.size(NATURAL) == MOST
    form.record(Form.SET, MOST, 2 * SHORT_S)
    assert form.size(NATURAL) == MOST


def test_a_slow_query_begins_with_fewer_sets() -> None:
    """What they take one by one is bounded, in case that their statement fails."""
    assert begun(0.01).size(NATURAL) == PATIENCE_S / 0.01
    assert begun(10.0).size(5) == LEAST


def test_one_statement_at_a_time() -> None:
    """DuckDB uses all processors for it; other lanes go on set by set."""
    form = begun()
    assert [form.size(NATURAL) for _ in range(2)] == [FIRST, NATURAL]
    form.record(Form.PIPELINE, NATURAL, 0.05)
    assert form.size(NATURAL) == NATURAL
    form.record(Form.SET, FIRST, 0.2)
    assert form.size(NATURAL) == FIRST


def test_other_lanes_wait_for_a_statement_that_wins() -> None:
    """From the second one on: whether it wins is unknown before. A batch that is executed set by set is waited for by none."""
    form = begun()
    assert (form.cut(form.size(NATURAL)), form.answers_all) == (False, False)
    form.record(Form.SET, FIRST, 0.2)
    assert (form.cut(form.size(NATURAL)), form.answers_all) == (True, True)
    assert (form.cut(form.size(NATURAL)), form.answers_all) == (False, True)
    form.fail()
    assert not form.answers_all
    slower = begun()
    slower.size(NATURAL)
    slower.record(Form.SET, FIRST, 4.0)
    assert (slower.cut(slower.size(NATURAL)), slower.answers_all) == (False, False)
    assert (BatchForm().cut(NATURAL), BatchForm().answers_all) == (False, False)


def test_the_end_of_a_source_goes_set_by_set() -> None:
    """Unless there is more left than a usual batch has."""
    form = begun()
    form.size(NATURAL)
    assert form.next(NATURAL) is Form.PIPELINE
    assert form.next(NATURAL + 1) is Form.SET
    form.record(Form.SET, FIRST, 0.2)
    assert form.size(10) == FIRST
    assert form.next(20) is Form.PIPELINE


def test_a_batch_that_has_too_few_sets_is_no_statement_for_all() -> None:
    """A source may have fewer than were asked for, or none; the next batch is the statement then."""
    form = begun()
    for sets in (NATURAL // 2, 0):
        assert form.size(NATURAL) == FIRST
        form.cut(sets)
        assert form.size(NATURAL) == FIRST
        form.cut(FIRST)
        assert form.size(NATURAL) == NATURAL
        form.cut(NATURAL // 2)
        form.record(Form.SET, FIRST, 0.2)


def test_a_statement_that_was_executed_set_by_set_is_not_under_way() -> None:
    """As after a connection was lost."""
    form = begun()
    assert form.size(NATURAL) == FIRST
    form.cut(FIRST)
    form.record(Form.PIPELINE, FIRST, 1.0)
    assert form.size(NATURAL) == FIRST


def test_a_statement_that_fails_is_left_for_a_while_and_has_fewer_sets_then() -> None:
    """It is split first."""
    form = begun()
    form.size(NATURAL)
    form.record(Form.SET, FIRST, 0.01)
    form.size(NATURAL)
    form.fail()
    assert form.size(NATURAL) == NATURAL
    form.record(Form.PIPELINE, NATURAL, 0.05)
    assert form.size(NATURAL) == MOST // 2
    for _ in range(5):
        form.fail()
    for _ in range(MOST_PENALTY):
        assert form.size(NATURAL) == NATURAL
        form.record(Form.PIPELINE, NATURAL, 0.05)
    assert form.size(NATURAL) == FIRST
    assert (form.piece, BatchForm().piece, BatchForm().size(7)) == (FIRST, None, 7)


def test_a_statement_that_is_slower_is_tried_again_later() -> None:
    """Data and load change."""
    form = begun(0.00001)
    form.size(NATURAL)
    form.record(Form.SET, FIRST, 0.4)
    sizes = [form.size(NATURAL) for _ in range(FIRST_AGAIN)]
    assert sizes == [NATURAL] * (FIRST_AGAIN - 1) + [FIRST]


def test_one_by_one_is_tried_again_only_if_it_is_nearly_as_fast() -> None:
    """A batch of it costs more than it can bring."""
    far, near = begun(CLOSE * 0.0002), begun(0.0001)
    for form in (far, near):
        form.size(NATURAL)
        form.record(Form.SET, FIRST, FIRST * 0.00005)
    assert NATURAL not in sizes_together(far)
    assert sizes_together(near)[-1] == NATURAL


def test_the_user_decides() -> None:
    """Nothing is measured then."""
    assert GrowingForm(Form.PIPELINE).size(NATURAL) == NATURAL
    form = GrowingForm(Form.SET)
    assert form.size(1) == FIRST
    assert form.next(2) is Form.SET
    form.refuse()
    assert form.size(NATURAL) == NATURAL


def test_a_large_batch_set_by_set_stays_smaller_than_one_together() -> None:
    """So that the form shows in the size."""
    form = begun(0.00002)
    assert form.size(FIRST) == 2 * FIRST


def test_a_few_sets_together_say_nothing() -> None:
    """As the form is forced, or as a source ends."""
    form = begun()
    form.size(NATURAL)
    form.record(Form.SET, LEAST - 1, 1.0)
    assert form.size(NATURAL) == FIRST

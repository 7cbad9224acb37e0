"""Rows changed: what is not known stays not known, in sums, for programs and for people."""

from __future__ import annotations

from bulkq.model import TargetCounts
from bulkq.model.counts import UNCOUNTED, Counts, changed_in_all, changed_number, changed_text, counts_of


def test_a_sum_with_an_unknown_part() -> None:
    """It is not known."""
    assert changed_in_all() == 0
    assert changed_in_all(1, 2) == 3
    assert changed_in_all(1, UNCOUNTED) == UNCOUNTED


def test_how_it_is_shown() -> None:
    """`null` in JSON, `?` in text."""
    assert (changed_number(3), changed_number(UNCOUNTED)) == (3, None)
    assert (changed_text(0), changed_text(UNCOUNTED)) == ("0", "?")


def test_counts_are_added_one_by_one() -> None:
    """Changed rows are not known in the sum where one number is not."""
    total = Counts(ok=3, failed=1, changed=3) + Counts(ok=2, unknown=1, skipped=4, retried=1, changed=2, unanswered=1)
    assert total == Counts(ok=5, failed=1, unknown=1, skipped=4, retried=1, changed=5, unanswered=1)
    assert total.tried == 7
    assert (total + Counts(changed=UNCOUNTED)).changed == UNCOUNTED


def test_what_has_counts_gives_them_by_name() -> None:
    """In the order in which they are shown."""
    found = TargetCounts("app", ok=2, reason="away")
    assert list(counts_of(found)) == ["ok", "failed", "unknown", "skipped", "retried", "changed", "unanswered"]
    assert Counts(**counts_of(found)) == Counts(ok=2)

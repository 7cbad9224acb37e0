"""Rows changed: what is not known stays not known, in sums, for programs and for people."""

from __future__ import annotations

from bulkq.model.changed_rows import UNCOUNTED, changed_in_all, changed_number, changed_text


def test_a_sum_with_an_unknown_part() -> None:
    """It is not known."""
    assert changed_in_all() == 0
    assert changed_in_all(1, 2) == 3
    assert changed_in_all(1, UNCOUNTED) == UNCOUNTED


def test_how_it_is_shown() -> None:
    """`null` in JSON, `?` in text."""
    assert (changed_number(3), changed_number(UNCOUNTED)) == (3, None)
    assert (changed_text(0), changed_text(UNCOUNTED)) == ("0", "?")

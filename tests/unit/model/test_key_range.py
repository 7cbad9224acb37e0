"""The condition of a range follows from its two ends."""

from __future__ import annotations

import pytest

from bulkq.model.key_range import KeyRange, Position, RangeForm


@pytest.mark.parametrize(
    ("after", "upto", "form", "values"),
    [
        ((), ("9",), RangeForm(0, lower=False, upper=True), {"bulkq_hi": "9"}),
        (("3",), ("9",), RangeForm(0, lower=True, upper=True), {"bulkq_lo": "3", "bulkq_hi": "9"}),
        ((), ("3", "7"), RangeForm(1, lower=False, upper=True), {"bulkq_1": "3", "bulkq_hi": "7"}),
        (("3",), ("10", "5"), RangeForm(1, lower=False, upper=True), {"bulkq_1": "10", "bulkq_hi": "5"}),
        (
            ("3", "7"),
            ("3", "9"),
            RangeForm(1, lower=True, upper=True),
            {"bulkq_1": "3", "bulkq_lo": "7", "bulkq_hi": "9"},
        ),
        (("3", "7"), ("3",), RangeForm(1, lower=True, upper=False), {"bulkq_1": "3", "bulkq_lo": "7"}),
        (
            ("1", "2", "3"),
            ("1", "2"),
            RangeForm(2, lower=True, upper=False),
            {"bulkq_1": "1", "bulkq_2": "2", "bulkq_lo": "3"},
        ),
    ],
)
def test_the_condition_follows_from_both_ends(
    after: Position, upto: Position, form: RangeForm, values: dict[str, str]
) -> None:
    """Level, bounds and values of a condition are those of the two ends."""
    found = KeyRange(after, upto)
    assert found.form == form
    assert found.values == values

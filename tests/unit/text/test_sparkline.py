"""Values over time as characters."""

from __future__ import annotations

import pytest

from bulkq.text.sparkline import PLAIN, sparkline


@pytest.mark.parametrize(
    ("values", "width", "top", "line"),
    [
        ([], 4, None, "    "),
        ([0, 0], 4, None, "  ▁▁"),
        ([1, 2, 4, 8], 4, None, "▂▃▅█"),
        ([9, 9, 1, 8], 2, None, "▂█"),
        ([0.5, 1.0, 3.0], 3, 1.0, "▅██"),
        ([1.0, None, 1.0], 3, None, "█ █"),
        ([None], 1, None, " "),
        ([-1.0, 1.0], 2, None, "▁█"),
        ([1.0], 0, None, ""),
    ],
)
def test_the_last_values_are_at_the_right(values: list[float | None], width: int, top: float | None, line: str) -> None:
    """The largest value, or `top`, has the highest character; a missing value is a blank."""
    assert sparkline(values, width, top) == line


def test_terminals_without_unicode() -> None:
    """Other characters do the same."""
    assert sparkline([0, 4, 8], 3, levels=PLAIN) == "_=#"

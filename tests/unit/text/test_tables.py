"""Tables, moments, masks and durations as output shows them."""

from __future__ import annotations

import pytest

from bulkq.text.durations import exact_duration, parse_duration
from bulkq.text.mask import mask_all
from bulkq.text.moments import moment_text, parse_utc
from bulkq.text.tables import align, align_named


def test_columns_are_aligned() -> None:
    """Texts to the left, the named columns to the right, no blanks at the end of a line."""
    assert align([["a", "n", "x"], ["bcd", "12", ""]], right=[1]) == ["a     n  x", "bcd  12"]
    assert align([]) == []


def test_a_wide_cell_does_not_widen_all() -> None:
    """Beyond the limit a column is not padded."""
    assert align([["aaaa", "x"], ["b", "y"]], widest=2) == ["aaaa  x", "b   y"]


def test_named_columns_have_a_header() -> None:
    """The columns in their order; others are left out."""
    rows = [{"name": "a", "rows": "1", "more": "-"}, {"name": "b", "rows": "100", "more": "-"}]
    assert align_named(rows, ["name", "rows"], {"rows"}) == ["name  rows", "a        1", "b      100"]


@pytest.mark.parametrize("text", ["250ms", "1s", "30s", "90s", "5m", "2h", "none"])
def test_durations_are_read_back(text: str) -> None:
    """What is printed means the same when it is read."""
    assert parse_duration(exact_duration(parse_duration(text))) == parse_duration(text)
    assert exact_duration(0) == "0s"


def test_moments() -> None:
    """An ISO text with or without zone; anything else is none."""
    assert moment_text("2026-11-22T13:05:10.123+00:00") == "2026-11-22 13:05:10Z"
    assert (
        str(parse_utc("2026-11-22T13:05:10"))
        == str(parse_utc("2026-11-22T14:05:10+01:00"))
        == "2026-11-22 13:05:10+00:00"
    )
    assert parse_utc("yesterday") is None


def test_the_longest_secret_is_masked_first() -> None:
    """A secret that contains another leaves nothing behind."""
    assert mask_all("hunter22 hunter2 x", ["hunter2", "", "hunter22"]) == "*** *** x"

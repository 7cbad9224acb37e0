"""`--max-rate`."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.policy.pace import Pace, Rate, parse_rate


def test_rates() -> None:
    """Sets are counted unless the text says rows; the time is a second, a minute or an hour."""
    assert parse_rate("500/s") == Rate(500.0)
    assert parse_rate("500 sets / s") == Rate(500.0)
    assert parse_rate("6000rows/m") == Rate(100.0, rows=True)
    assert parse_rate("5000rows/s", backfill=True) == Rate(5000.0, rows=True)


@pytest.mark.parametrize("text", ["", "500", "0/s", "500/d", "500bytes/s", "-1/s"])
def test_bad_rates(text: str) -> None:
    """An error shows both forms."""
    with pytest.raises(
        UsageError, match=f'^--max-rate "{text}" is not a rate: use 500/s for parameter sets, or 5000rows/s$'
    ):
        parse_rate(text)


def test_a_backfill_counts_rows() -> None:
    """Its sets are ranges, whose number says nothing about the load."""
    with pytest.raises(UsageError, match='^--max-rate "500/s": a backfill counts rows: use 500rows/s$'):
        parse_rate("500/s", backfill=True)


def test_the_rate_is_kept_on_average() -> None:
    """After a batch the next one waits as long as its sets may take. A pause is not made up for."""
    pace = Pace(Rate(100.0))
    assert pace.most_sets == 25
    assert pace.wait_s(10.0) == 0.0
    pace.spend(50, 10.0)
    assert pace.wait_s(10.1) == pytest.approx(0.4)
    pace.spend(10, 10.1)
    assert pace.wait_s(10.6) == 0.0
    pace.spend(10, 20.0)
    assert pace.wait_s(20.0) == pytest.approx(0.1)
    assert Pace(Rate(1.0)).most_sets == 1
    assert (pace.limit(1000), pace.limit(3), Pace(None).limit(1000)) == (25, 3, 1000)
    assert Pace(Rate(1.0, rows=True)).most_sets is None


def test_only_what_the_rate_counts_is_spent() -> None:
    """Sets do not count against a rate of rows; without a rate nothing counts."""
    pace = Pace(Rate(100.0, rows=True))
    pace.spend(50, 10.0)
    assert pace.wait_s(10.0) == 0.0
    pace.spend(50, 10.0, rows=True)
    assert pace.wait_s(10.0) == pytest.approx(0.5)
    pace = Pace(None, nice=0.5)
    pace.spend(50, 10.0)
    assert (pace.wait_s(10.0), pace.most_sets, pace.nice) == (0.0, None, 0.5)

"""`bulkq ctl set`: keys, values, and what is said of those that are not valid."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.policy.changeable_settings import check_key, parse_settings
from bulkq.policy.pace import Rate


def test_settings_of_a_run() -> None:
    """Each key has its kind of value; auto and none leave it to bulkq."""
    words = ["concurrency=4", "rate=500/s", "nice=0.5", "batch=100"]
    found = parse_settings(words, backfill=False)
    assert [(s.key, s.value) for s in found] == [
        ("concurrency", 4),
        ("rate", Rate(500.0)),
        ("nice", 0.5),
        ("batch", 100),
    ]
    found = parse_settings(["concurrency=auto", "rate=none", "nice=0", "batch=auto"], backfill=False)
    assert [(s.key, s.value, s.text) for s in found] == [
        ("concurrency", None, "auto"),
        ("rate", None, "none"),
        ("nice", 0.0, "0"),
        ("batch", None, "auto"),
    ]


def test_settings_of_a_backfill() -> None:
    """Ranges have a time and bounds of rows; the rate counts rows."""
    words = ["target-time=250ms", "min-rows=5", " max-rows = 5000 ", "rate=100rows/s", "nice=auto"]
    found = parse_settings(words, backfill=True)
    assert [(s.key, s.value, s.text) for s in found] == [
        ("target-time", 0.25, "250ms"),
        ("min-rows", 5, "5"),
        ("max-rows", 5000, "5000"),
        ("rate", Rate(100.0, rows=True), "100rows/s"),
        ("nice", None, "auto"),
    ]


def test_limits_of_throttles() -> None:
    """By the name of the signal, with its argument if it has one."""
    lag, slot = parse_settings(["throttle.lag=5s", "throttle.slot(a)=10GB"], backfill=False)
    assert (lag.key, lag.text, lag.value.limit) == ("throttle.lag", "5s", 5.0)  # type: ignore[union-attr]
    assert (slot.value.argument, slot.value.limit) == ("a", 10 * 1024**3)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "set: nothing to set: write KEY=VALUE, for example concurrency=4"),
        (["concurrency"], 'set "concurrency": the value is missing: write concurrency=4 or concurrency=auto'),
        (["rate="], 'set "rate=": the value is missing: write rate=500/s'),
        (["throttle.lag"], "the value is missing: write throttle.lag=5s"),
        (["nice=1", "nice=2"], "set nice: it is there twice: give it once"),
        (
            ["concurency=4"],
            'unknown setting "concurency" .did you mean "concurrency"..: use concurrency, rate, nice, batch',
        ),
        (["max-rows=5"], "setting max-rows: only a backfill has it"),
        (["concurrency=0"], "set concurrency=0: it is not a whole number from 1 to 256: write concurrency=4"),
        (["concurrency=257"], "not a whole number from 1 to 256"),
        (["batch=x"], "set batch=x: it is not a whole number from 1 to 1000000"),
        (["rate=5"], 'set rate=5: "5" is not a rate: use 500/s for parameter sets, or 5000rows/s$'),
        (["nice=101"], "set nice=101: it is not a number from 0 to 100: write nice=0.5"),
        (["nice=x"], "it is not a number from 0 to 100"),
        (["nice=auto"], "it is not a number from 0 to 100: write nice=0.5"),
        (["throttle.lagg=5s"], 'set throttle.lagg: unknown signal "lagg" .did you mean "lag"..: use lag, wal'),
        (["throttle.file=x"], "set throttle.file: file has no limit that could be changed"),
        (["throttle.lag=5x"], 'set throttle "lag<5x": unknown unit "x": use lag<2s or lag<64MB'),
    ],
)
def test_settings_that_are_not_valid(words: list[str], said: str) -> None:
    """One line that quotes the word and says what to write."""
    with pytest.raises(UsageError, match=said):
        parse_settings(words, backfill=False)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("batch=10", "setting batch: a backfill has none: use max-rows"),
        ("rate=5/s", "a backfill counts rows: use 5rows/s"),
        ("target-time=none", "it is not a time from 1ms to less than 1h"),
        ("target-time=1h", "it is not a time from 1ms to less than 1h: write target-time=500ms"),
        ("target-time=5", "has no unit"),
        ("min-rows=auto", "set min-rows=auto: it is not a whole number from 1 to 1000000000"),
    ],
)
def test_settings_that_are_not_valid_for_a_backfill(word: str, said: str) -> None:
    """Ranges of rows have bounds of their own."""
    with pytest.raises(UsageError, match=said):
        parse_settings([word], backfill=True)


def test_keys() -> None:
    """A key of `get` is that of `set`."""
    assert check_key("throttle.lag", backfill=True) == "throttle.lag"
    assert check_key("max-rows", backfill=True) == "max-rows"
    with pytest.raises(UsageError, match="a backfill has none"):
        check_key("batch", backfill=True)

"""Arguments of the Python API."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.errors import UsageError
from bulkq.lifecycle.check_api_arguments import (
    allowed,
    check_concurrency,
    check_numbers,
    in_python,
    limits_of_pace,
    shown,
    texts,
    throttles,
)
from bulkq.model.run import LimitOptions


@pytest.mark.parametrize(("timeout", "retries"), [(0, 1), ("5", 1), (3e6, 1), (5, -1), (5, 1.5)])
def test_wrong_numbers(timeout: object, retries: object) -> None:
    """Seconds are more than 0, retries 0 or more."""
    check_numbers(None, 0)
    check_numbers(5, 3)
    with pytest.raises(UsageError):
        check_numbers(timeout, retries)


def test_lanes() -> None:
    """1 or more, or "auto"."""
    check_concurrency(1)
    check_concurrency("auto")
    with pytest.raises(UsageError, match="concurrency=0"):
        check_concurrency(0)


def test_words() -> None:
    """One word or several; others are refused."""
    assert allowed("ddl") == allowed(["ddl"]) == frozenset({"ddl"})
    assert throttles("file:/run/hold") == ("file:/run/hold",)
    for wrong in ("all", 5):
        with pytest.raises(UsageError, match="allow="):
            allowed(wrong)
    with pytest.raises(UsageError, match="throttle="):
        throttles(5)


def test_pace() -> None:
    """The fields of the options of the command line, and their defaults."""
    plain = limits_of_pace((), {})
    assert replace(LimitOptions(), **plain) == LimitOptions()
    found = limits_of_pace(
        "lag<2s", {"window": "22:00-06:00 UTC", "nice": 0.5, "max_rate": "500/s", "critical": ["lag<60s"]}
    )
    assert (found["throttle"], found["target_throttles"]) == (("lag<2s",), True)
    assert (found["window"], found["nice"], found["critical"]) == (("22:00-06:00 UTC",), 0.5, ("lag<60s",))
    assert limits_of_pace("none", {})["target_throttles"] is False


@pytest.mark.parametrize(
    ("pace", "message"),
    [
        ({"throttle_every": 0}, "throttle_every=0: seconds, more than 0"),
        ({"throttle_timeout": "2h"}, "throttle_timeout='2h': seconds, more than 0"),
        ({"nice": -1}, 'nice=-1: a number from 0 to 100, or "auto"'),
        ({"nice": True}, "nice=True: a number from 0 to 100"),
        ({"max_rate": 5}, 'max_rate=5: a text such as "500/s" or "5000rows/s"'),
        ({"max_rate": "fast"}, 'max_rate="fast" is not a rate: use 5000rows/s'),
        ({"max_rate": "5/s"}, 'max_rate="5/s": a backfill counts rows: use 5rows/s'),
        ({"on_critical": "wait"}, 'on_critical=\'wait\': "stop" or "pause"'),
        ({"critical": 5}, 'critical=5: expressions such as "lag<60s"'),
        ({"critical": "lagg<2s"}, 'critical="lagg<2s": unknown signal "lagg"'),
        ({"window": 5}, 'window=5: hours such as "22:00-06:00 Europe/Berlin"'),
        ({"window": "night"}, 'window="night" is not a window'),
    ],
)
def test_a_wrong_pace(pace: dict[str, object], message: str) -> None:
    """The message has the name of the argument."""
    with pytest.raises(UsageError) as raised:
        limits_of_pace((), pace, backfill=True)  # type: ignore[arg-type]
    assert str(raised.value).startswith(message)


def test_an_unknown_argument() -> None:
    """It is an error as of any function."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'windows'"):
        limits_of_pace((), {"windows": ()})  # type: ignore[typeddict-unknown-key]


def test_texts() -> None:
    """Long values are cut; advice has the names of Python."""
    assert shown("x" * 100) == "'" + "x" * 76 + "..."
    assert in_python("add --write, --allow ddl or -j 4") == 'add write=True, allow=["ddl"] or concurrency=4'
    assert texts("a") == ("a",)
    assert texts(["a", "b"]) == ("a", "b")
    assert texts(["a", 1]) is texts(1) is None


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        ("no table: give --over TABLE", "no table: give over=TABLE"),
        ("give --set COLUMN=EXPR, --delete, or FILE:NAME with", "give set, delete, or query with"),
        ('--set "a": x', 'set="a": x'),
        ("--min-rows 5 is more than --max-rows 2", "min_rows=5 is more than max_rows=2"),
        ("write --where true if", 'write where="true" if'),
        ("give it with --param q=VALUE", 'give it with param={"q": ...}'),
        ("use another key with --key, or", "use another key with key, or"),
        ("--max-affected allows 5", "max_affected allows 5"),
        ('--map needs rows: give --select "select 1"', 'map needs rows: give select="select 1"'),
        ("give --map MODULE:FUNCTION, or --map-timeout", "give map=MODULE:FUNCTION, or map_timeout"),
        ("give --apply FILE:NAME", "give query"),
    ],
)
def test_advice_of_a_backfill(advice: str, expected: str) -> None:
    """Options of `bulkq backfill` become arguments."""
    assert in_python(advice) == expected


def test_only_a_backfill_finds_its_pace() -> None:
    """`nice="auto"` of a run with parameter sets is refused."""
    assert limits_of_pace((), {"nice": "auto"}, backfill=True)["nice"] == "auto"
    with pytest.raises(
        UsageError, match="^nice auto: only a backfill finds its pace: give a number, for example nice=1$"
    ):
        limits_of_pace((), {"nice": "auto"})

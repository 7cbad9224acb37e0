"""Arguments of the Python API."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.lifecycle.check_api_arguments import (
    allowed,
    check_concurrency,
    check_numbers,
    in_python,
    shown,
    texts,
    throttles,
)


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

"""Arguments of the Python API."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.lifecycle.api_arguments import allowed, check_numbers, in_python, shown, throttles


@pytest.mark.parametrize(("timeout", "retries"), [(0, 1), ("5", 1), (3e6, 1), (5, -1), (5, 1.5)])
def test_wrong_numbers(timeout: object, retries: object) -> None:
    """Seconds are more than 0, retries 0 or more."""
    check_numbers(None, 0)
    check_numbers(5, 3)
    with pytest.raises(UsageError):
        check_numbers(timeout, retries)


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

"""When a run stops."""

from __future__ import annotations

from bulkq.model import Threshold
from bulkq.policy.stop_rules import Stop, after_failures, is_hopeless


def stop(tried: int, failed: int, limit: Threshold | None = None, *, fail_fast: bool = False) -> Stop | None:
    return after_failures(tried=tried, failed=failed, limit=limit, fail_fast=fail_fast)


def test_failures_alone_do_not_stop() -> None:
    """A run keeps going when some fail."""
    assert stop(999, 998) is None


def test_fail_fast_cancels_what_is_in_flight() -> None:
    """The first failure stops the run and cancels the rest."""
    assert stop(5, 1, fail_fast=True) == Stop("a parameter set failed, and --fail-fast is set", cancel=True)
    assert stop(5, 0, fail_fast=True) is None


def test_a_count_of_failures() -> None:
    """`--max-failures 3` stops when three have failed, and lets what runs finish."""
    assert stop(100, 2, Threshold(count=3)) is None
    assert stop(100, 3, Threshold(count=3)) == Stop("3 failed, --max-failures 3 reached")


def test_a_percentage_needs_a_hundred() -> None:
    """A percentage means nothing before a hundred sets were tried."""
    assert stop(99, 98, Threshold(percent=5)) is None
    assert stop(100, 4, Threshold(percent=5)) is None
    assert stop(100, 5, Threshold(percent=5)) == Stop("5 of 100 failed, --max-failures 5% reached")


def test_hopeless_runs_stop() -> None:
    """When the first thousand all failed, nobody wants the rest."""
    assert is_hopeless(tried=1_000, failed=1_000) == Stop("all of the first 1000 parameter sets failed")
    assert is_hopeless(tried=1_000, failed=999) is None
    assert is_hopeless(tried=999, failed=999) is None

"""`commit<200ms`."""

from __future__ import annotations

import asyncio

import pytest

from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext, commit_latency
from bulkq.throttles.commit_latency import CommitLatency
from tests.support.throttles import until


async def test_slow_commits_hold_the_lanes() -> None:
    """Nine of ten have to be faster; without commits nothing is wrong."""
    throttle = CommitLatency(parse_expression("commit<200ms"), ThrottleContext(), "db")
    await throttle.open()
    assert throttle.reason() is None
    for _ in range(9):
        throttle.record(0.1)
    throttle.record(5.0)
    await until(throttle, None)
    throttle.record(0.3)
    throttle.record(0.3)
    await until(throttle, "commit 300ms >= 200ms (p90 of our commits)")
    await throttle.close()


async def test_lanes_that_wait_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """They commit nothing, so slow commits are forgotten after a while; the next commits alone count."""
    throttle = CommitLatency(parse_expression("commit<200ms"), ThrottleContext(), "db")
    await throttle.open()
    throttle.record(0.5)
    await until(throttle, "commit 500ms >= 200ms (p90 of our commits)")
    monkeypatch.setattr(commit_latency, "RETRY_S", 0.05)
    await until(throttle, None)
    throttle.record(0.1)
    while throttle.load() != pytest.approx(0.5):
        await asyncio.sleep(0.005)
    assert throttle.reason() is None
    throttle.record(0.4)
    await until(throttle, "commit 400ms >= 200ms (p90 of our commits)")
    await throttle.close()

"""`commit<200ms`."""

from __future__ import annotations

from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext
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

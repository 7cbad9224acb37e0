"""Which throttle reads which signal."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.model import Target
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext
from bulkq.throttles.file import FileThrottle
from bulkq.throttles.make_throttles import throttles_of
from bulkq.throttles.replication_lag import ReplicationLag


def test_a_signal_of_a_database_is_read_from_each_target() -> None:
    """A file holds all lanes, so it is watched once; a run that commits nothing has no latency of commits."""
    targets = [(name, Target(url=f"postgresql://{name}/")) for name in ("a", "b")]
    context = ThrottleContext(targets=targets)
    assert [type(one) for one in throttles_of(parse_expression("lag<2s"), context)] == [ReplicationLag, ReplicationLag]
    assert [type(one) for one in throttles_of(parse_expression("file:hold"), context)] == [FileThrottle]
    with pytest.raises(UsageError, match="commits no changes"):
        next(iter(throttles_of(parse_expression("commit<10ms"), context)))

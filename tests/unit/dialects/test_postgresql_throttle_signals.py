"""The signals of PostgreSQL."""

from __future__ import annotations

import pytest

from bulkq.dialects.postgresql_throttle_signals import SIGNALS, read_primary, read_replica
from bulkq.dialects.throttle_signal_catalog import PrimaryState, ReplicaState

PRIMARY = PrimaryState(500.0, "77", "0000000A")


def test_replay_lag_is_not_read() -> None:
    """It is missing in many samples of a healthy standby, and stands still while one hangs."""
    assert SIGNALS.replicas is not None
    assert "replay_lag" not in SIGNALS.replicas.sql


def test_whoever_sees_null_without_a_right_is_asked_for_it() -> None:
    """Values of other sessions are NULL for a plain role, which would look like a quiet server."""
    needy = {name for name, query in SIGNALS.values.items() if "pg_stat_activity" in query.sql and query.allowed}
    assert needy == {"active", "oldest_xact", "autovacuum"}


def test_a_primary() -> None:
    """Its position, identifier and timeline."""
    assert read_primary([(500.0, "77", "0000000A")]) == PRIMARY


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ((True, 400.0, "77", "0000000A"), ReplicaState(400.0)),
        ((True, None, "77", "0000000A"), ReplicaState(0.0)),
        (
            (True, 400.0, "78", "0000000A"),
            ReplicaState(0.0, "its system identifier is 78, and that of the primary 77"),
        ),
        ((False, None, "77", "0000000A"), ReplicaState(0.0, "it is not a standby")),
        ((True, 400.0, "77", "0000000B"), ReplicaState(0.0, "it follows timeline 11, and the primary is on 10")),
    ],
)
def test_a_replica_belongs_to_its_primary(row: tuple[object, ...], state: ReplicaState) -> None:
    """A clone that was promoted has the same identifier on another timeline."""
    assert read_replica([row], PRIMARY) == state

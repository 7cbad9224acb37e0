"""The signals of PostgreSQL."""

from __future__ import annotations

from bulkq.dialects.postgresql_signals import SIGNALS


def test_replay_lag_is_not_read() -> None:
    """It is missing in many samples of a healthy standby, and stands still while one hangs."""
    assert SIGNALS.replicas is not None
    assert "replay_lag" not in SIGNALS.replicas.sql


def test_whoever_sees_null_without_a_right_is_asked_for_it() -> None:
    """Values of other sessions are NULL for a plain role, which would look like a quiet server."""
    needy = {name for name, query in SIGNALS.values.items() if "pg_stat_activity" in query.sql and query.allowed}
    assert needy == {"active", "oldest_xact", "autovacuum"}

"""The signals of MySQL and MariaDB."""

from __future__ import annotations

from bulkq.dialects.mysql_signals import SIGNALS


def test_each_needs_the_right_to_see_other_sessions() -> None:
    """Without PROCESS a role sees its own sessions only, which would look like a quiet server."""
    assert all("PROCESS" in query.allowed for query in SIGNALS.values.values())

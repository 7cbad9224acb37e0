"""How the session that holds a lock of a ledger is described."""

from __future__ import annotations

from datetime import datetime

from bulkq.ledger.lock_holder import IDLE_MS, LIMITS, LOCK_WAIT_MS, LockHolder, describe_holder


def test_a_session_is_described_with_all_that_is_known() -> None:
    """Process, user, host, application, state and the begin of its transaction."""
    since = datetime(2026, 11, 30, 7, 12, 31)  # noqa: DTZ001 - UTC, as PostgreSQL gives it
    holder = LockHolder(4711, "10.0.0.3", "bulkq ledger", "ada", "idle in transaction", since)
    assert describe_holder(holder) == (
        (
            'session 4711 of the server (user ada, host 10.0.0.3, application_name "bulkq ledger", '
            "idle in transaction since 2026-11-30 07:12:31 UTC) holds a lock of it"
        ),
        "end its process, or run select pg_terminate_backend(4711), then try again",
    )


def test_what_the_server_hides_is_left_out() -> None:
    """A role sees of the sessions of others only the process."""
    assert describe_holder(LockHolder(4711, "", None, None, None, None))[0] == (
        "session 4711 of the server holds a lock of it"
    )


def test_a_session_that_is_gone_is_not_named() -> None:
    """It ended between the error and the question."""
    assert describe_holder(None) == ("another session held a lock of it for 8s", "try again")


def test_a_waiting_session_outlives_one_that_stands_still() -> None:
    """So it gets the lock and not an error."""
    assert IDLE_MS < LOCK_WAIT_MS
    assert f"'{IDLE_MS}'" in LIMITS
    assert f"'{LOCK_WAIT_MS}'" in LIMITS

"""SQLSTATEs by name."""

from __future__ import annotations

from bulkq.dialects import sqlstates
from bulkq.policy import retry


def test_each_is_a_state_with_a_meaning() -> None:
    """Five characters, and `policy.retry` knows what to do; a right that is missing, a refused write and what is too large are final."""
    states = {value for name, value in vars(sqlstates).items() if name.isupper() and isinstance(value, str)}
    assert {len(state) for state in states} == {5}
    final = {sqlstates.NO_RIGHT, sqlstates.READ_ONLY, sqlstates.TOO_LARGE, sqlstates.UNREADABLE}
    assert states - retry.ACTIONS.keys() == final
    assert {sqlstates.READ_ONLY} <= retry.READ_ONLY
    assert sqlstates.TOO_LARGE.startswith(retry.LIMITS)


def test_a_lock_that_was_not_granted_is_waited_for_again() -> None:
    """Neither state is final."""
    assert {retry.ACTIONS[state] for state in sqlstates.NOT_NOW} == {retry.Action.RETRY, retry.Action.HALVE}

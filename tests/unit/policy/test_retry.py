"""Outcome and next step of failed attempts: a row per class of error, no I/O."""

from __future__ import annotations

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Outcome, Phase
from bulkq.model.own_error_states import MARKER_EARLY
from bulkq.policy import retry
from bulkq.policy.retry import Action, Budget, Decision, decide

SENT = Phase.SENT
COMMITTING = Phase.COMMITTING


def fails(
    sqlstate: str | None,
    phase: Phase = SENT,
    *,
    text: str = "",
    lost: bool = False,
    confirmed: bool = True,
    elapsed_s: float = 0.1,
    read_only: bool = False,
    transaction: bool = True,
) -> Decision:
    error = DatabaseError(text, sqlstate=sqlstate, phase=phase, connection_lost=lost, confirmed=confirmed)
    return decide(error, elapsed_s=elapsed_s, timeout_s=1.0, read_only=read_only, transaction=transaction)


@pytest.mark.parametrize("state", sorted(retry.ACTIONS))
def test_every_listed_state_does_what_the_table_says(state: str) -> None:
    """Inside a transaction, each state of the table gives its action and a rollback."""
    got = fails(state, text="cached plan must not change result type")
    assert got == Decision(Outcome.ROLLED_BACK, retry.ACTIONS[state])


@pytest.mark.parametrize(
    ("state", "phase", "options", "expected"),
    [
        ("23505", SENT, {}, (Outcome.ROLLED_BACK, Action.FAIL)),
        ("22P02", SENT, {}, (Outcome.ROLLED_BACK, Action.FAIL)),
        ("P0001", SENT, {}, (Outcome.ROLLED_BACK, Action.FAIL)),
        ("42P01", Phase.PREPARING, {}, (Outcome.NOT_STARTED, Action.FAIL)),
        (None, Phase.ENCODING, {}, (Outcome.NOT_STARTED, Action.FAIL)),
        ("53300", Phase.CONNECTING, {"lost": True}, (Outcome.NOT_STARTED, Action.RECONNECT)),
        ("57P01", SENT, {"lost": True}, (Outcome.ROLLED_BACK, Action.RECONNECT)),
        ("25P04", SENT, {"lost": True}, (Outcome.ROLLED_BACK, Action.ONCE)),
        (None, SENT, {"lost": True}, (Outcome.ROLLED_BACK, Action.RECONNECT)),
        ("08006", SENT, {}, (Outcome.ROLLED_BACK, Action.RECONNECT)),
        (None, COMMITTING, {"lost": True}, (Outcome.UNKNOWN, Action.FAIL)),
        ("57P01", COMMITTING, {"lost": True}, (Outcome.UNKNOWN, Action.FAIL)),
        ("40003", COMMITTING, {}, (Outcome.UNKNOWN, Action.FAIL)),
        ("08007", COMMITTING, {}, (Outcome.UNKNOWN, Action.FAIL)),
        ("23505", COMMITTING, {}, (Outcome.ROLLED_BACK, Action.FAIL)),  # a deferred constraint
        ("40001", COMMITTING, {}, (Outcome.ROLLED_BACK, Action.RETRY)),
        (None, SENT, {"confirmed": False}, (Outcome.UNKNOWN, Action.FAIL)),
        (None, COMMITTING, {"lost": True, "read_only": True}, (Outcome.UNKNOWN, Action.RECONNECT)),
        ("25006", SENT, {"read_only": True}, (Outcome.ROLLED_BACK, Action.REFUSE)),
        ("SQLITE_READONLY", SENT, {"read_only": True}, (Outcome.ROLLED_BACK, Action.REFUSE)),
        ("25006", SENT, {}, (Outcome.ROLLED_BACK, Action.SWITCH)),
        ("SQLITE_READONLY_DBMOVED", SENT, {}, (Outcome.ROLLED_BACK, Action.REFUSE)),
        ("0A000", SENT, {"text": "not supported"}, (Outcome.ROLLED_BACK, Action.FAIL)),
        ("42P01", SENT, {"transaction": False}, (Outcome.NOT_STARTED, Action.FAIL)),
        ("25001", SENT, {"transaction": False}, (Outcome.NOT_STARTED, Action.FAIL)),
        ("23505", SENT, {"transaction": False}, (Outcome.UNKNOWN, Action.FAIL)),
        ("57P01", SENT, {"transaction": False, "lost": True}, (Outcome.UNKNOWN, Action.FAIL)),
    ],
)
def test_outcome_and_action(
    state: str | None, phase: Phase, options: dict[str, bool], expected: tuple[Outcome, Action]
) -> None:
    """What is not known for certain is unknown, and only safe classes are tried again."""
    got = fails(state, phase, **options)  # type: ignore[arg-type]
    assert (got.outcome, got.action) == expected


def test_our_own_timeout_is_final() -> None:
    """A cancel after the deadline is our timeout and is not tried again."""
    assert fails("57014", elapsed_s=1.0) == Decision(Outcome.ROLLED_BACK, Action.FAIL, timed_out=True)


def test_an_early_cancel_is_somebody_elses() -> None:
    """A cancel before the deadline is tried again, once."""
    assert fails("57014", elapsed_s=0.5).action is Action.ONCE


def test_an_unconfirmed_timeout_is_unknown() -> None:
    """A timeout that the server did not confirm may still be running."""
    got = fails("57014", elapsed_s=9.0, confirmed=False)
    assert (got.outcome, got.timed_out) == (Outcome.UNKNOWN, True)


def test_pause_grows_and_is_bounded() -> None:
    """The pause has full jitter under a ceiling that doubles up to five seconds."""
    assert retry.pause_s(1, 0.0) == 0.0
    assert retry.pause_s(1, 1.0) < retry.pause_s(3, 1.0) <= 5.0
    assert retry.pause_s(30, 1.0) == 5.0


def test_budget_allows_fifty_and_then_a_tenth() -> None:
    """Fifty retries are always allowed; with more attempts in the minute, a tenth of them."""
    budget = Budget()
    assert all(budget.wait_s(1.0) == 0.0 for _ in range(50))
    assert budget.wait_s(1.0) == 59.0
    for _ in range(1_000):
        budget.attempt(2.0)
    assert budget.wait_s(2.0) == 0.0
    assert budget.wait_s(61.0) == 0.0


def test_what_the_driver_has_seen_undone_is_rolled_back() -> None:
    """Outside a transaction too; it is not tried again, because such a statement is sent at most once."""
    error = DatabaseError("lock wait", sqlstate="55P03", phase=COMMITTING)
    error.undone = True
    got = decide(error, elapsed_s=0.1, timeout_s=1.0, read_only=False, transaction=False)
    assert got == Decision(Outcome.ROLLED_BACK, Action.FAIL)


def test_a_statement_that_ended_its_transaction_is_unknown() -> None:
    """Whatever the state and the phase say."""
    error = DatabaseError("ended", sqlstate=MARKER_EARLY, phase=COMMITTING)
    error.broken_off = True
    got = decide(error, elapsed_s=0.1, timeout_s=1.0, read_only=False, transaction=True)
    assert got == Decision(Outcome.UNKNOWN, Action.FAIL)


def test_what_is_too_large_is_not_sent_again() -> None:
    """Also where the connection ends with it; nor is what is wrong with a value."""
    assert fails("54000", lost=True) == Decision(Outcome.ROLLED_BACK, Action.FAIL)
    assert fails("22000", lost=True) == Decision(Outcome.ROLLED_BACK, Action.FAIL)

"""Decide the outcome of a failed attempt and whether to repeat it, by a table of SQLSTATEs.

Two questions, in this order. What is known about the attempt (`outcome`)? Whatever is not certain is UNKNOWN. And what
is done next (`Action`)? Only classes of errors known to be safe are tried again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq import dialects
from bulkq.dialects import sqlstates
from bulkq.model import Outcome, Phase
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.errors import DatabaseError


class Action(StrEnum):
    """The next step after a failed attempt."""

    FAIL = "fail"  # permanent: the culprit, or the only set, is a failure
    RETRY = "retry"  # the same again after a pause
    ONCE = "once"  # the same again, but only once
    HALVE = "halve"  # again in halves: a smaller transaction holds fewer locks
    RECONNECT = "reconnect"  # on a new connection
    SWITCH = "switch"  # once on a new connection, which may lead to the primary; then the run ends, exit 4
    REFUSE = "refuse"  # the read-only guard spoke: the run ends, exit 4


ACTIONS: dict[str, Action] = {
    # serialization and locks (PostgreSQL manual, 13.5: retry the whole transaction)
    sqlstates.SERIALIZATION: Action.RETRY,
    sqlstates.DEADLOCK: Action.HALVE,
    sqlstates.LOCK_NOT_AVAILABLE: Action.HALVE,
    # cancelled by another session; the run's own timeout is handled before this table is read
    sqlstates.CANCELED: Action.ONCE,
    # resources that come back
    sqlstates.DISK_FULL: Action.RETRY,
    "53200": Action.RETRY,
    "53300": Action.RECONNECT,
    "53400": Action.RECONNECT,
    # the server is going, starting or being replaced
    "57P01": Action.RECONNECT,
    "57P02": Action.RECONNECT,
    "57P03": Action.RECONNECT,
    "57P05": Action.RECONNECT,
    "25P03": Action.RECONNECT,
    sqlstates.TRANSACTION_TIMEOUT: Action.ONCE,  # what took so long takes as long again
    # a cached plan that DDL made stale: a fresh statement settles it
    sqlstates.NOT_SUPPORTED: Action.ONCE,
    # a lock that was not granted, in other words than SQLSTATEs
    **dict.fromkeys(dialects.LOCKED, Action.RETRY),
}
"""Every SQLSTATE that is not final. The evidence for each line is in docs/explanation/outcomes.md; a test holds each one."""

TIMEOUTS = dialects.CANCELLED | {sqlstates.CANCELED}
READ_ONLY = dialects.READ_ONLY | {sqlstates.READ_ONLY}
CONNECTIONS = "08"
"""The class of connections: the session's own if it is lost, else one that the statement uses, of a foreign server for example."""

LIMITS = "54"
"""The class of what is too large or too complex: it is so every time."""

VALUES = "22"
"""The class of what is wrong with a value: it is so every time, also where the library cannot go on after it."""

OF_DISK = (*sqlstates.NO_ROOM, *sqlstates.FILE_FAILED)
"""How the states of a disk that does not take what is written begin."""

AMBIGUOUS = frozenset({"40003", "08007"})
"""The server itself says that it does not know."""

REFUSED_BEFORE_EXECUTION = ("42", "0A", "25", "54")
"""Classes that a statement outside a transaction can only have been refused with, never ended with half-way."""


@frozen
class Decision:
    """The outcome of an attempt, and the next step."""

    outcome: Outcome
    action: Action
    timed_out: bool = False


def outcome(error: DatabaseError, *, transaction: bool) -> Outcome:
    """The outcome of the attempt that ended with `error`."""
    if error.phase in (Phase.CONNECTING, Phase.ENCODING, Phase.PREPARING):
        return Outcome.NOT_STARTED
    if error.undone:
        return Outcome.ROLLED_BACK
    if error.broken_off or error.sqlstate in AMBIGUOUS or (not error.confirmed and error.phase is not Phase.CLAIMING):
        return Outcome.UNKNOWN
    if error.phase is Phase.CLAIMING or (error.phase is Phase.SENT and transaction):
        return Outcome.ROLLED_BACK  # COMMIT was never sent, so nothing of it can last
    if error.connection_lost or error.sqlstate is None:
        return Outcome.UNKNOWN
    if not transaction:
        refused = error.sqlstate.startswith(REFUSED_BEFORE_EXECUTION)
        return Outcome.NOT_STARTED if refused else Outcome.UNKNOWN
    return Outcome.ROLLED_BACK  # the server answered COMMIT with an error


def decide(
    error: DatabaseError, *, elapsed_s: float, timeout_s: float | None, read_only: bool, transaction: bool
) -> Decision:
    """Outcome and next step of an attempt that failed with `error` after `elapsed_s` seconds."""
    known = outcome(error, transaction=transaction)
    state = error.sqlstate or ""
    timed_out = state in TIMEOUTS and timeout_s is not None and elapsed_s >= timeout_s
    if timed_out:
        return Decision(known, Action.FAIL, timed_out=True)
    if read_only and state in READ_ONLY:
        return Decision(Outcome.ROLLED_BACK, Action.REFUSE)
    if (known is Outcome.UNKNOWN or (error.undone and not transaction)) and not read_only:
        return Decision(known, Action.FAIL)
    return Decision(known, _action(error, state, read_only=read_only))


def _action(error: DatabaseError, state: str, *, read_only: bool) -> Action:
    if state == sqlstates.READ_ONLY and not read_only:
        return Action.SWITCH  # a standby answers: the primary moved
    if state.startswith(tuple(dialects.READ_ONLY)):
        return Action.REFUSE
    if state == sqlstates.NOT_SUPPORTED and "cached plan" not in str(error):
        return Action.FAIL
    if state in ACTIONS:
        return ACTIONS[state]
    if state.startswith((LIMITS, VALUES)):
        return Action.FAIL  # also where the connection ends with it
    if error.connection_lost or state.startswith(CONNECTIONS):
        return Action.RECONNECT
    return Action.FAIL


def pause_s(attempt: int, random: float) -> float:
    """Seconds before attempt number `attempt` + 1: full jitter under a doubling ceiling of at most 5 s.

    Args:
        attempt: attempts made so far, 1 or more.
        random: uniform in [0, 1).
    """
    return random * min(5.0, 0.05 * 2.0**attempt)


class Budget:
    """Retries over the whole run: at most a tenth of the attempts of the last minute, and never fewer than 50 allowed.

    Without it, a database that is already in trouble gets more work the worse it does.
    """

    __slots__ = ("_attempts", "_minute", "_retries")

    FLOOR = 50
    SHARE = 0.1

    def __init__(self) -> None:
        self._minute = -1
        self._attempts = 0
        self._retries = 0

    def attempt(self, now_s: float) -> None:
        """Count an attempt at `now_s` on a monotonic clock."""
        self._turn(now_s)
        self._attempts += 1

    def wait_s(self, now_s: float) -> float:
        """Take one retry from the budget; the seconds to wait where this minute's share is used up, else 0."""
        self._turn(now_s)
        if self._retries < max(self.FLOOR, self.SHARE * self._attempts):
            self._retries += 1
            return 0.0
        return 60.0 - now_s % 60.0

    def _turn(self, now_s: float) -> None:
        minute = int(now_s // 60)
        if minute != self._minute:
            self._minute, self._attempts, self._retries = minute, 0, 0

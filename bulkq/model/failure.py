"""What is known of a parameter set that did not end well: its outcome, and how far its attempt had come."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.counts import Counts
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Phase(StrEnum):
    """How far an attempt had come when it failed."""

    CONNECTING = "connecting"
    ENCODING = "encoding"  # a value could not be encoded; nothing was sent
    PREPARING = "preparing"
    CLAIMING = "claiming"  # the marker statement, inside our transaction
    SENT = "sent"  # inside our explicit transaction, or a read
    COMMITTING = "committing"  # COMMIT was sent, or the statement ran outside a transaction


class Outcome(StrEnum):
    """What is known about an attempt. Whatever is not known for certain is UNKNOWN."""

    OK = "ok"
    NOT_STARTED = "not_started"
    ROLLED_BACK = "rolled_back"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"  # of maintenance: the object was not done, for a reason that may pass; resume does it


@frozen
class Failure:
    """One parameter set that did not end `ok`, or whose answer is lost; a line of `--failures`."""

    n: int  # of the set in the whole input
    source: str
    target: str
    query: str
    params: Mapping[str, object]  # secrets masked
    outcome: Outcome
    sqlstate: str | None
    message: str
    attempts: int
    hint: str | None = None
    where: str = ""  # `users.sql:12` of the error's position, where the server gave one
    key_range: str = ""  # of a backfill: the condition that gives the rows of the range; the ledger does not keep it
    valueless: tuple[str, ...] = ()  # the message or names in it that hold no values, so that the ledger keeps them


def failure_counts(failures: Sequence[Failure]) -> Counts:
    """How many of `failures` failed, of how many the outcome is unknown, and how many were skipped."""
    unknown = sum(1 for failure in failures if failure.outcome is Outcome.UNKNOWN)
    skipped = sum(1 for failure in failures if failure.outcome is Outcome.SKIPPED)
    return Counts(failed=len(failures) - unknown - skipped, unknown=unknown, skipped=skipped)


ANSWER_LOST = "applied, but its result was lost: do not repeat it"
"""The message of a set in `BatchResult.unanswered`."""

STARTED = "it was sent and nothing is known of its end"
"""Recorded before a set of maintenance is sent. If it is still there later, the failure was not reported to the user."""

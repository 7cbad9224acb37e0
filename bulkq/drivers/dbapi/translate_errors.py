"""Translate errors of a library, and of bulkq's rules, into `DatabaseError`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.sqlstates import CANCELED, SERIALIZATION
from bulkq.drivers.dbapi.adapter_return_types import Refusal
from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.drivers.bind_parameters import Binding
    from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription
    from bulkq.drivers.dbapi.adapters.base import Adapter
    from bulkq.drivers.dbapi.attempt_state import AttemptState


@frozen
class ErrorMoment:
    """When an error came.

    Attributes:
        phase: of the attempt.
        at: how many sets had been answered.
        position: the index of the failing set in the attempt.
        binding: of the statement, where there is one.
        prefix: characters in front of the statement that a place in it does not count.
        lost: the session is of no use any more.
    """

    phase: Phase
    at: int
    position: int | None
    binding: Binding | None
    prefix: int
    lost: bool


def translate_error(error: Exception, adapter: Adapter, attempt: AttemptState, moment: ErrorMoment) -> DatabaseError:
    """Return `error` as a `DatabaseError`."""
    if isinstance(error, Refusal):
        killed = error.sqlstate == CANCELED and moment.phase is Phase.COMMITTING
        return DatabaseError(
            str(error), sqlstate=error.sqlstate, phase=moment.phase, position=moment.position, confirmed=not killed
        )
    trouble = adapter.trouble(error)
    message, state = trouble.message, trouble.sqlstate
    doubtful = state == CANCELED and moment.phase is Phase.COMMITTING and not adapter.commits_or_fails
    if state == CANCELED and attempt.expired is not None and not doubtful:
        message = f"timed out after {attempt.timeout_s:g}s"
        if attempt.expired != moment.at:
            message, state = "interrupted by the deadline of the set before it", SERIALIZATION
    lost = trouble.lost or moment.lost
    if lost and not message.startswith("connection lost"):
        message = f"connection lost: {message}"
    return DatabaseError(
        message,
        sqlstate=None if lost and state == CANCELED else state,
        phase=moment.phase,
        position=moment.position,
        offset=_offset(trouble, moment),
        hint=trouble.hint,
        connection_lost=lost,
        confirmed=not doubtful,
    )


def _offset(trouble: ErrorDescription, moment: ErrorMoment) -> int | None:
    """The place in the user's text, where the error has one."""
    at, binding = trouble.at, moment.binding
    if at is None or binding is None or moment.phase is not Phase.PREPARING or at < moment.prefix:
        return None
    return binding.offset(at - moment.prefix)

"""Translate asyncpg's exceptions into `DatabaseError`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import asyncpg

from bulkq.dialects.sqlstates import CANCELED, FOREIGN, NOT_SUPPORTED
from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.policy.mask_values import without_secrets
from bulkq.policy.retry import CONNECTIONS
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.drivers.asyncpg.statement import AsyncpgStatement
    from bulkq.model import ParameterSet

STALE = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError, asyncpg.InvalidSQLStatementNameError)
"""After these a statement is stale: its tables or types have changed, or it is missing."""

_GONE = (asyncpg.UndefinedColumnError, asyncpg.InvalidColumnReferenceError)
_WRAPPED = compile_late(r"\bq\.|\bq\W ")
_ELEMENT = compile_late(r"\$(\d+) in element #(\d+) of")
_ARGUMENT = compile_late(r"query argument \$(\d+)")
STALE_PLAN = "cached plan: the tables of the query were changed while it was prepared"
GOING = (CONNECTIONS, "57P")
"""An answer to COMMIT that is about the connection, also from a pooler that has lost its own: it is no answer."""


def translate(
    error: Exception,
    phase: Phase,
    *,
    statement: AsyncpgStatement | None = None,
    sets: Sequence[ParameterSet] = (),
    arguments: Sequence[Sequence[object]] = (),
    idle: bool = True,
    pid: int | None = None,
    deadline_s: float | None = None,
) -> DatabaseError:
    """The error to raise for `error`.

    Args:
        error: what the library raised.
        phase: how far we had come.
        statement: what was executed.
        sets: the sets of the attempt, for secrets in messages and for culprits.
        arguments: in the order sent, the ordinal last.
        idle: the session was brought back to idle; False: it is closed.
        pid: of the server process.
        deadline_s: the client's deadline, for its message.
    """
    if isinstance(error, DatabaseError):
        error.connection_lost = error.connection_lost or not idle
        return error
    if isinstance(error, TimeoutError):
        message = f"no answer within {deadline_s:g}s" if deadline_s else "no answer in time"
        # A COMMIT that ended after our deadline may have succeeded: that the session is idle again tells nothing.
        state = CANCELED if idle and phase is not Phase.COMMITTING else None
        return DatabaseError(message, sqlstate=state, phase=phase, connection_lost=not idle, confirmed=idle, pid=pid)
    if _is_encoding(error) and idle and statement is not None:
        return _encoding(error, statement, arguments)
    cause = error.__cause__ if isinstance(error.__cause__, asyncpg.PostgresError) else error
    message = _message(cause, idle=idle)
    found = DatabaseError(
        message, sqlstate=getattr(cause, "sqlstate", None), phase=phase, connection_lost=not idle, pid=pid
    )
    found.hint = getattr(cause, "hint", None)
    if statement is not None and isinstance(cause, _GONE) and is_stale(cause):
        found.sqlstate = NOT_SUPPORTED
    if phase is Phase.COMMITTING and (found.sqlstate or "").startswith(GOING) and not _of_foreign_server(cause):
        found.connection_lost = True
    if statement is not None:
        found.position = _position(cause, statement, sets)
        _mask(found, statement, sets)
    return found


def is_stale(error: BaseException | None) -> bool:
    """Whether a prepared statement failed because its tables were changed; also by a column that its wrapper no longer finds."""
    return isinstance(error, STALE) or (isinstance(error, _GONE) and _WRAPPED.search(str(error.args[0])) is not None)


def _of_foreign_server(error: BaseException) -> bool:
    """Whether the server itself reports a connection of a statement, to a foreign server for example: this session goes on.

    It says where in its source; a pooler that has lost its own connection has no such place.
    """
    of_statement = getattr(error, "severity_en", None) == "ERROR" and bool(
        getattr(error, "server_source_filename", None)
    )
    return of_statement and getattr(error, "sqlstate", None) in FOREIGN


def _message(error: BaseException, *, idle: bool) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return STALE_PLAN
    if isinstance(error, _GONE) and is_stale(error):
        return f"{STALE_PLAN} ({text})"
    if isinstance(error, asyncpg.PostgresError):
        return (
            text if idle or not isinstance(error, asyncpg.ConnectionDoesNotExistError) else f"connection lost: {text}"
        )
    if not idle:
        return f"connection lost: {text}"
    return f"a result value cannot be read by Python: {text}"


def _is_encoding(error: Exception) -> bool:
    """Raised by asyncpg before it sent the value: its DataError is of the server's class, but has no severity."""
    return isinstance(error, asyncpg.InterfaceError) or (
        type(error) is asyncpg.DataError and not getattr(error, "severity", None)
    )


def _encoding(error: Exception, statement: AsyncpgStatement, arguments: Sequence[Sequence[object]]) -> DatabaseError:
    """A value that asyncpg could not encode; its text repeats values, so the message is ours."""
    text = str(error.args[0]) if error.args else ""
    found = _ELEMENT.search(text)
    position: int | None = None
    if found and int(found[2]) < len(arguments):
        position = int(str(arguments[int(found[2])][-1]))
    elif len(arguments) == 1:
        position = 0
    place = found or _ARGUMENT.search(text)
    if place is None or int(place[1]) > len(statement.shape.bound):
        return DatabaseError(text, sqlstate=None, phase=Phase.ENCODING, position=position)
    index = statement.shape.bound[int(place[1]) - 1]
    parameter = statement.query.parameters[index]
    reason = "" if parameter.secret else f": {error.__cause__ or text}"
    message = f"the value of :{parameter.name} cannot be sent as {statement.parameter_types[index]}{reason}"
    return DatabaseError(message, sqlstate=None, phase=Phase.ENCODING, position=position)


def _position(error: BaseException, statement: AsyncpgStatement, sets: Sequence[ParameterSet]) -> int | None:
    """The culprit: the last parameter in the server's CONTEXT is our ordinal.

    `log_parameter_max_length_on_error` adds `portal "" with parameters: $1 = '...', $2 = '317'`, in the server's
    language; quotes inside a value are doubled, so the last match cannot be forged by a value.
    """
    if len(sets) == 1:
        return 0
    context = getattr(error, "context", None)
    if context and statement.ordinal is not None:
        found = re.findall(rf"\${statement.ordinal} = '(\d+)'", context)
        if found and int(found[-1]) < len(sets):
            return int(found[-1])
    if getattr(error, "sqlstate", None) == "22021":  # a NUL, refused while binding, where no ordinal is told
        return next((i for i, values in enumerate(sets) if any(isinstance(v, str) and "\0" in v for v in values)), None)
    return None


def _mask(found: DatabaseError, statement: AsyncpgStatement, sets: Sequence[ParameterSet]) -> None:
    """Take the values of secret parameters out of the server's words: those of every set, for it may speak of another."""
    found.args = (without_secrets(str(found), statement.query, sets),)
    found.hint = found.hint and without_secrets(found.hint, statement.query, sets)

"""Errors of a ledger as one line: the place, the cause and the next step.

SQLAlchemy's own messages hold the statement, its values and a link; none of it is ever shown. It is imported here only when
something has gone wrong, for a ledger file is looked at before SQLAlchemy is there.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, LedgerError
from bulkq.text.urls import remove_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.ledger.location import LedgerLocation

NEXT_STEPS = {
    "SQLITE_FULL": "free disk space, or choose another file with --ledger",
    "SQLITE_READONLY": "give this user write access to the file and its folder, or choose another file with --ledger",
    "SQLITE_CANTOPEN": "give this user read and write access to the file and its folder, or choose another file with --ledger",
    "SQLITE_PERM": "give this user read and write access to the file and its folder, or choose another file with --ledger",
    "SQLITE_NOTADB": "it is not a ledger, or it is damaged: restore it from a backup, or choose another file with --ledger",
    "SQLITE_CORRUPT": "restore it from a backup, or move it away to start a new one",
    "SQLITE_BUSY": "another process holds its lock: try again when that process has ended",
    "SQLITE_IOERR": "check the disk, or choose another file with --ledger",
    "SQLITE_ERROR": "it is not a ledger of this version, or it is damaged: run bulkq ledger check",
}
OTHERWISE = "run bulkq ledger check"


@contextmanager
def in_one_line(place: LedgerLocation) -> Iterator[None]:
    """Turn every failure inside into a LedgerError; errors of bulkq pass.

    Raises:
        LedgerError: the database, the operating system or the content failed.
    """
    try:
        yield
    except BulkqError:
        raise
    except (sqlite3.Error, OSError) as error:
        raise explain_error(error, place) from error
    except Exception as error:
        from sqlalchemy.exc import SQLAlchemyError

        if isinstance(error, SQLAlchemyError):
            raise explain_error(error, place) from error
        if isinstance(error, UnicodeEncodeError):
            raise LedgerError(
                f'ledger "{place.shown}" cannot store the name of a file or target that is not valid UTF-8: '
                "rename it, or run with --ledger none"
            ) from error
        if not isinstance(error, (ValueError, TypeError, KeyError, AttributeError)):
            raise
        # An invalid value in the ledger, such as bytes that are not text or an unknown state. Bugs of bulkq look
        # the same; --debug tells them apart.
        raise LedgerError(f'ledger "{place.shown}" contains invalid data: {NEXT_STEPS["SQLITE_CORRUPT"]}') from error


def explain_error(error: BaseException, place: LedgerLocation) -> LedgerError:
    """The line for `error`."""
    cause = error
    driver: BaseException | None = getattr(error, "orig", None)  # what SQLAlchemy's DBAPIError wraps
    if driver is not None:
        cause = driver.__cause__ or driver
    if isinstance(cause, sqlite3.Error):
        # Extended names end in what went wrong exactly: SQLITE_IOERR_SHORT_READ, SQLITE_READONLY_DIRECTORY.
        name = "_".join(str(getattr(cause, "sqlite_errorname", "SQLITE_ERROR")).split("_")[:2])
        return compose_error(place, str(cause), NEXT_STEPS.get(name, OTHERWISE))
    if isinstance(cause, OSError) and cause.strerror and place.path is not None:
        return compose_error(
            place, cause.strerror.lower(), "give this user write access to it, or choose another ledger with --ledger"
        )
    if place.path is None:
        return _server(cause, place)
    return compose_error(place, str(cause.args[0]) if cause.args else type(cause).__name__, OTHERWISE)


def error_state(error: BaseException | None) -> str | None:
    """The SQLSTATE of an error that SQLAlchemy wraps; None if the server did not give one."""
    driver: BaseException | None = getattr(error, "orig", None)
    state: str | None = getattr(driver, "sqlstate", None) or getattr(
        getattr(driver, "__cause__", None), "sqlstate", None
    )
    return state


def describe_damage(place: LedgerLocation, what: str) -> LedgerError:
    """The error for a file that is not a ledger."""
    return compose_error(place, what, NEXT_STEPS["SQLITE_NOTADB"])


def _server(cause: BaseException, place: LedgerLocation) -> LedgerError:
    """PostgreSQL's words; the driver's way of saying why a connection did not come about."""
    text = str(cause.args[0]) if cause.args else ""
    if isinstance(cause, OSError):
        text = cause.strerror or text or "no answer in time"
    step = "check that the server is running and reachable from this machine"
    if getattr(cause, "sqlstate", None) == "42501":
        step = 'ask a DBA to run: create schema bulkq_ledger authorization "USER"'
    elif getattr(cause, "sqlstate", None):
        step = OTHERWISE
    return compose_error(place, remove_passwords(text or type(cause).__name__, place.url), step)


def compose_error(place: LedgerLocation, what: str, step: str) -> LedgerError:
    """The error that says of a ledger what happened and what to do."""
    return LedgerError(f'ledger "{place.shown}": {" ".join(what.split())}: {step}')

"""Why a connection did not come about, in one line."""

from __future__ import annotations

import errno
import socket
import ssl

import asyncpg
import pytest

from bulkq.drivers.asyncpg import connect_arguments
from bulkq.drivers.asyncpg.connect_errors import explain_error
from bulkq.errors import BulkqError, TargetError, UsageError

URL = "postgresql://u:hunter2@db1/d"


def server_error(state: str, message: str) -> asyncpg.PostgresError:
    """An error as asyncpg makes it of the server's message."""
    return asyncpg.PostgresError.new({"C": state, "M": message, "S": "FATAL"})


def lost(cause: Exception | None) -> Exception:
    """A connection that was closed, perhaps with a last word."""
    error = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            'no such host "db1": name or service not known',
        ),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 5432)"),
            "connection refused: 10.0.0.1:5432",
        ),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432, 0, 0), [Errno 111] x"),
            "connection refused: ::1:5432",
        ),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "no server socket"),
        (PermissionError(errno.EACCES, "Permission denied"), "no permission"),
        (TimeoutError(), 'no answer from "db1" within 10s'),
        (ConnectionError('PostgreSQL server at "db1:5432" rejected SSL upgrade'), "TLS refused"),
        (ConnectionError("unexpected connection_lost() call"), "closed the connection at once"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "closed the connection at once"),
        (
            ConnectionError(
                'PostgreSQL server at "db1:5432": server sent an error response during SSL exchange; check'
            ),
            "the server's log says which",
        ),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "TLS refused"),
        (ssl.SSLError(1, "wrong version number"), "TLS refused"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), '"db1" cannot be reached: No route to host'),
        (server_error("28P01", 'password authentication failed for user "u"'), "wrong password"),
        (server_error("3D000", 'database "d" does not exist'), 'database "d" does not exist'),
        (server_error("53300", "sorry, too many clients already"), "too many connections"),
        (server_error("57P03", "the database system is starting up"), "starting up"),
        (lost(server_error("08P01", "no such database: d")), "no such database: d"),
        (lost(None), "closed the connection at once"),
        (asyncpg.TargetServerAttributeNotMatched("None of the hosts"), "target_session_attrs"),
        (asyncpg.InternalClientError("'NoneType' object has no attribute 'encode'"), "requires a password"),
        (asyncpg.InternalClientError("strange"), '"db1": strange'),
    ],
)
def test_target_errors(error: Exception, said: str) -> None:
    """One line, which part it was, no password."""
    found = explain_error(error, URL, connect_arguments.read_options(URL, {}))
    assert isinstance(found, TargetError)
    assert said in str(found)
    assert "hunter2" not in str(found)
    assert "\n" not in str(found)


def test_usage_errors() -> None:
    """What asyncpg finds wrong with the URL itself is the user's to mend, and our own errors stay what they are."""
    found = explain_error(
        asyncpg.ClientConfigurationError("bad hunter2 in the URL"), URL, connect_arguments.read_options(URL, {})
    )
    assert isinstance(found, UsageError)
    assert "hunter2" not in str(found)
    own = BulkqError("ours")
    assert explain_error(own, URL, connect_arguments.read_options(URL, {})) is own

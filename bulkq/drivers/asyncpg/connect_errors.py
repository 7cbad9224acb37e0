"""Explain in one line why a connection failed, and which part of it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from bulkq.drivers.asyncpg.connect_arguments import at_home, is_exposed
from bulkq.drivers.libpq import blame
from bulkq.errors import BulkqError, NoRoom, TargetError, UsageError
from bulkq.text import urls
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import find_nearest

if TYPE_CHECKING:
    from bulkq.drivers.asyncpg.connect_arguments import AsyncpgOptions

_PARAMETER = compile_late(r'unrecognized configuration parameter "([^"]*)"')

OPTIONS = (
    *(
        "host",
        "port",
        "user",
        "password",
        "dbname",
        "database",
        "passfile",
        "service",
        "sslmode",
        "sslrootcert",
        "sslcert",
    ),
    *(
        "sslkey",
        "sslpassword",
        "sslcrl",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "target_session_attrs",
    ),
    *("connect_timeout", "application_name", "options", "krbsrvname", "gsslib", "keepalives", "channel_binding"),
    *("search_path", "work_mem", "timezone", "role"),
)
"""What a URL may hold, for advice; other settings of the server may be there too."""

_ADDRESS = compile_late(r"Connect call failed \(?'?([^',)]+)'?(?:, (\d+))?")


NO_TLS = compile_late(r'server at "(.*):(\d+)" rejected SSL upgrade')
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""https://www.postgresql.org/docs/current/protocol-message-formats.html: a server without TLS answers it with `N`."""

ASK_S = 2.0


async def is_foreign_server(error: Exception) -> bool:
    """Whether the server is not PostgreSQL. asyncpg reports any answer as refused TLS, so this connects once more."""
    found = NO_TLS.search(str(error))
    if found is None:
        return False
    return await _answer(found[1], int(found[2])) not in {b"N", None}


async def is_busy(options: AsyncpgOptions) -> bool:
    """Whether a host that gave no session in time answers the first message, as a pooler does whose connections are all in use."""
    for host, port in zip(options.hosts, options.ports, strict=False):
        if not host.startswith("/") and await _answer(host, port):
            return True
    return False


async def _answer(host: str, port: int) -> bytes | None:
    """The answer to the question for TLS; None if there is no connection, or no answer in time."""
    with suppress(OSError):
        async with asyncio.timeout(ASK_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(SSL_REQUEST)
                return await reader.read(64)
            finally:
                writer.close()
    return None


def explain_error(
    error: Exception, url: str, options: AsyncpgOptions, *, foreign: bool = False, busy: bool = False
) -> BulkqError:
    """The error to raise for `error`. No password of `url` is in it.

    Args:
        error: of the library.
        url: of the target.
        options: that the library was given.
        foreign: the server does not speak the protocol of PostgreSQL.
        busy: it answers, and gave no session in time.
    """
    if isinstance(error, BulkqError):
        return error
    if isinstance(error, (asyncpg.ClientConfigurationError, ValueError)) and not isinstance(
        error, (ssl.SSLError, UnicodeError)
    ):
        return UsageError(f'target "{urls.hide_passwords(url)}": {urls.remove_passwords(_line(error), url)}')
    unknown = _unknown_option(error, url) or blame(_line(error), getattr(error, "sqlstate", ""), options.settings)
    if unknown:
        return UsageError(unknown)
    if foreign:
        return TargetError(f"{_where(options)} does not answer as PostgreSQL does: is it the right host and port?")
    if busy:
        return TargetError(
            f"{_where(options)} answers, but gave no session within {options.timeout_s:g}s: is it a pooler whose server connections are "
            "all in use? SHOW POOLS in PgBouncer shows it: wait, or raise default_pool_size"
        )
    full = "53300" in {getattr(error, "sqlstate", None), getattr(error.__cause__, "sqlstate", None)}
    return (NoRoom if full else TargetError)(_reason(error, options))


def _unknown_option(error: Exception, url: str) -> str | None:
    """What to say when the server does not know an option of `url`: asyncpg hands it what it does not know itself."""
    found = _PARAMETER.search(str(error)) if getattr(error, "sqlstate", None) == "42704" else None
    if found is None or found[1] not in urls.parse_options(url):
        return None
    near = find_nearest(found[1], OPTIONS)
    advice = f"did you mean {near}?" if near else "neither one of libpq nor a setting of this server"
    return f'target "{urls.hide_passwords(url)}": no option "{found[1]}" ({advice})'


def _reason(error: Exception, options: AsyncpgOptions) -> str:
    where = _where(options)
    cause = error.__cause__ if isinstance(error.__cause__, asyncpg.PostgresError) else error
    cut = isinstance(error, ConnectionResetError) or "unexpected connection_lost" in str(error)
    if isinstance(cause, asyncpg.ConnectionDoesNotExistError) or cut:
        return f"{where} closed the connection at once: is it PostgreSQL, and does it expect TLS?"
    if isinstance(cause, asyncpg.PostgresError):
        return _refused(cause, options)
    if isinstance(error, OSError):
        return _network(error, where, options)
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return f"none of the hosts {where} matches target_session_attrs"
    if "NoneType" in str(error):
        return f"{where} requires a password, but none was given: set PGPASSWORD or write it to ~/.pgpass{_pgpass()}"
    return f"{where}: {_line(error)}"


def _network(error: OSError, where: str, options: AsyncpgOptions) -> str:
    if isinstance(error, socket.gaierror):
        return f"no such host {where}: {(error.strerror or '').lower()}".removesuffix(": ")
    if isinstance(error, TimeoutError):
        return f"no answer from {where} within {options.timeout_s:g}s: a firewall or a wrong address?"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS refused: the certificate of {where} is not valid: {getattr(error, 'verify_message', error)}"
    if isinstance(error, ssl.SSLError):
        return f"TLS refused: {where}: {getattr(error, 'reason', None) or error}"
    return _unreachable(error, where, options)


def _refused(error: asyncpg.PostgresError, options: AsyncpgOptions) -> str:
    """The server's own words: they name the role, the database or the line of pg_hba.conf that is missing."""
    message = _line(error)
    match error.sqlstate:
        case "53300":
            raised = " or raise its CONNECTION LIMIT" if " for role " in message or " for database " in message else ""
            return f"{message}: lower -j,{raised}" if raised else f"too many connections: {message}: lower -j"
        case "28P01":
            given = "wrong password" if options.password else "no password was given, or ~/.pgpass has a wrong one"
            return f"{message}: {given} (or there is no such role){_pgpass()}"
    return message


def _unreachable(error: OSError, where: str, options: AsyncpgOptions) -> str:
    text = str(error)
    found = _ADDRESS.search(text)
    address = where if not found else f"{found[1]}:{found[2]}" if found[2] else found[1]
    if error.errno == errno.ECONNREFUSED or "Errno 111" in text or "Errno 61" in text:
        return f"connection refused: {address}: is the server running?"
    if isinstance(error, FileNotFoundError) or "Errno 2]" in text:
        return f"no server socket {address}: is the server running, and on this machine?"
    if isinstance(error, PermissionError):
        return f"no permission to open {address}"
    if "rejected SSL upgrade" in text:
        rule = (
            "add ?sslmode=disable to the URL to allow an unencrypted connection"
            if options.required
            else "see sslmode in the URL"
        )
        return f"TLS refused: {where} has none: {rule}"
    if "during SSL exchange" in text:
        return f"{where} answered with an error before TLS began: the server's log says which"
    return f"{where} cannot be reached: {error.strerror or text}".replace("\n", " ")


def _where(options: AsyncpgOptions) -> str:
    return ", ".join(f'"{host}"' for host in options.hosts if host) or "the server on this machine"


def _line(error: Exception) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(text.split())


def _pgpass() -> str:
    """A note if the password file is ignored because others may read it, as libpq does without saying so; else ""."""
    path = at_home(os.environ.get("PGPASSFILE"), ".pgpass")
    if is_exposed(path):
        return f' ("{path}" is ignored because others may read it: chmod 600)'
    return ""

"""Turn a PostgreSQL URL, libpq's environment variables and service files into arguments for asyncpg.

`bulkq.drivers.libpq` resolves them, because asyncpg ignores PGSERVICE, PGOPTIONS, PGTZ and most of a service file. Here are the TLS
rule, what the operating system is told about the socket, and URLs whose password was not escaped.
"""

from __future__ import annotations

import os
import re
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from bulkq.drivers.asyncpg.unsupported_parameters import OFF, refuse_unsupported
from bulkq.drivers.libpq import resolve_parameters, settings_of
from bulkq.drivers.libpq.parameters import find_value, refuse_encoding
from bulkq.drivers.libpq.url import hosts_of
from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text import urls
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

    from bulkq.drivers.libpq import ConnectionParameter
    from bulkq.model import Setting

CONNECT_S = 10.0
HIGHEST_PORT = 65535
LOCAL = compile_late(r"localhost|127(\.\d+){3}|::1|", re.IGNORECASE)

PASSED_ON = (
    "sslcert",
    "sslkey",
    "sslrootcert",
    "sslcrl",
    "sslpassword",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "target_session_attrs",
    "krbsrvname",
    "gsslib",
)
"""Parameters that asyncpg takes from the query string of a URL only."""


@frozen
class KeepAlive:
    """When the operating system notices a peer that vanished; seconds, and milliseconds where it says so."""

    on: bool = True
    idle_s: int = 30
    interval_s: int = 10
    count: int = 3
    unacknowledged_ms: int = 0  # TCP_USER_TIMEOUT; 0: the system's default


@frozen
class AsyncpgOptions:
    """What `asyncpg.connect` is given."""

    extra: str = field(repr=False)  # a URL without host, for what asyncpg takes from nowhere else
    hosts: tuple[str, ...]  # () where asyncpg looks for a socket on this machine
    ports: tuple[int, ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    ssl: str | SSLContext | None  # None: as asyncpg finds it
    required: bool  # `ssl` is our rule's, not the user's
    passfile: str | None  # None: as asyncpg finds it
    application_name: str | None
    timeout_s: float
    keep_alive: KeepAlive
    settings: tuple[Setting, ...]

    @property
    def may_be_plain(self) -> bool:
        """Whether a session may be without TLS, and its bytes stay on this machine."""
        return self.ssl in (None, "prefer") and len(self.hosts) == 1 and is_local(self.hosts[0])

    def arguments(self, *, plain: bool = False) -> dict[str, object]:
        """Return the arguments for `asyncpg.connect`; `plain` does not ask the server for TLS."""
        return {
            "dsn": self.extra,
            "host": list(self.hosts) or None,
            "port": list(self.ports) or None,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "passfile": self.passfile,
            "ssl": "disable" if plain else self.ssl,
            "timeout": self.timeout_s,
        }


def read_options(url: str, environment: Mapping[str, str] | None = None) -> AsyncpgOptions:
    """What `url` asks for, with what the service file and the environment add.

    Raises:
        UsageError: a parameter that cannot be honoured, or a URL whose parts cannot be told apart.
    """
    known: Mapping[str, str] = os.environ if environment is None else environment
    _authority(url)
    given = resolve_parameters(url, known)
    refuse_unsupported(given)
    refuse_encoding(given)
    _refuse_missing_files(given)
    _refuse_two_addresses(given)
    hosts = hosts_of(given)
    mode = find_value(given, "sslmode") or ("require" if find_value(given, "requiressl") == "1" else "")
    required = not mode and not all(is_local(host) for host, _ in hosts)
    system = find_value(given, "sslrootcert") == "system"
    return AsyncpgOptions(
        extra=_extra(given),
        hosts=tuple(host or "localhost" for host, _ in hosts),
        ports=_ports(given, hosts),
        user=find_value(given, "user") or None,
        password=find_value(given, "password") or None,
        database=find_value(given, "dbname") or None,
        ssl=_system_certificates() if system else mode or ("require" if required else None),
        required=required and not system,
        passfile=_passfile(find_value(given, "passfile")),
        application_name=find_value(given, "application_name") or None,
        timeout_s=timeout_s(given),
        keep_alive=_keep_alive(given),
        settings=settings_of(given),
    )


def _authority(url: str) -> str:
    """Hosts and ports of `url`, once it is sure that they are not part of a password."""
    rest = url.partition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, _, hosts = authority.rpartition("@")
    ports = re.sub(r"\[[^\]]*\]", "", hosts).split(",")
    broken = not all(_port_is_possible(unquote(p)) for p in ports)
    if "@" in user or "#" in rest or (broken and "@" in rest[len(authority) :]):
        raise UsageError(
            f'target "{urls.hide_passwords(url)}" cannot be read: '
            "in a user or password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23"
        )
    if broken:
        raise UsageError(
            f'target "{urls.hide_passwords(url)}" cannot be read: '
            f"after the host stands a port number from 1 to {HIGHEST_PORT}, then /database"
        )
    return hosts


def _port_is_possible(host: str) -> bool:
    found = re.fullmatch(r"[^:]*(?::(\d*))?", host, re.ASCII)
    if found is None:
        return False
    digits = (found[1] or "").lstrip("0")
    return not found[1] or (bool(digits) and len(digits) <= len(str(HIGHEST_PORT)) and int(digits) <= HIGHEST_PORT)


def _ports(given: Mapping[str, ConnectionParameter], hosts: list[tuple[str, str]]) -> tuple[int, ...]:
    texts = [port for _, port in hosts] or [find_value(given, "port")]
    for text in texts:
        if not _port_is_possible(f":{text}"):
            raise UsageError(f'"{text}" is not a port ({given["port"].source}): give a number from 1 to {HIGHEST_PORT}')
    return tuple(int(text or 5432) for text in texts)


def is_local(host: str) -> bool:
    """Whether what is sent to `host` stays on this machine."""
    return host.startswith(("/", "@")) or LOCAL.fullmatch(host) is not None


def _refuse_two_addresses(given: Mapping[str, ConnectionParameter]) -> None:
    """libpq connects to `hostaddr` and checks the certificate against `host`; asyncpg has one name for both."""
    host, address = find_value(given, "host"), find_value(given, "hostaddr")
    if host and address and host != address:
        raise UsageError(
            f"hostaddr={address} ({given['hostaddr'].source}) beside host={host} is not supported by the asyncpg driver: "
            "give one of them, or use postgresql+psycopg://"
        )


def _refuse_missing_files(given: Mapping[str, ConnectionParameter]) -> None:
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl"):
        path = find_value(given, name)
        if path and path != "system" and not Path(path).is_file():
            raise UsageError(f'{name}: there is no file "{path}"')


def _system_certificates() -> SSLContext:
    """What libpq does for `sslrootcert=system`: the certificates that this machine trusts, and the host's name is checked."""
    import ssl

    return ssl.create_default_context()


def _passfile(named: str) -> str | None:
    """The file that is named; one that does not exist where others may read it, because asyncpg would print a warning of its own."""
    path = at_home(named, ".pgpass")
    return f"{path}.ignored" if is_exposed(path) else named or None


def at_home(named: str | None, name: str) -> Path:
    """The file `named`, else `name` in the home directory, which an account in a container may not have."""
    try:
        return Path(named) if named else Path.home() / name
    except RuntimeError:
        return Path(os.devnull)


def is_exposed(path: Path) -> bool:
    """Whether group or others have access to a password file. As libpq, bulkq then ignores it."""
    return path.is_file() and bool(path.stat().st_mode & 0o077)


def timeout_s(given: Mapping[str, ConnectionParameter]) -> float:
    """Seconds for a connection: at most ten, as for every driver; 0 and less is libpq's word for no limit.

    Raises:
        UsageError: `connect_timeout` is not a whole number.
    """
    seconds = _whole(given, "connect_timeout", 0)
    return min(CONNECT_S, float(seconds)) if seconds > 0 else CONNECT_S


def _keep_alive(given: Mapping[str, ConnectionParameter]) -> KeepAlive:
    usual = KeepAlive()
    return KeepAlive(
        on=find_value(given, "keepalives") not in OFF[1:],
        idle_s=_whole(given, "keepalives_idle", 0) or usual.idle_s,
        interval_s=_whole(given, "keepalives_interval", 0) or usual.interval_s,
        count=_whole(given, "keepalives_count", 0) or usual.count,
        unacknowledged_ms=_whole(given, "tcp_user_timeout", 0),
    )


def _whole(given: Mapping[str, ConnectionParameter], name: str, default: int) -> int:
    text = find_value(given, name).strip()
    if text and re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII) is None:
        raise UsageError(f'{name}: "{text}" is not a whole number ({given[name].source}): correct it')
    return int(text) if text else default


def _extra(given: Mapping[str, ConnectionParameter]) -> str:
    found = {name: find_value(given, name) for name in PASSED_ON if find_value(given, name)}
    if found.get("sslrootcert") == "system":
        del found["sslrootcert"]
    return f"postgresql:///?{urlencode(found)}" if found else "postgresql://"

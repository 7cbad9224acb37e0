"""What a PostgreSQL URL, libpq's environment and service files say about a connection, as far as asyncpg has to be helped.

asyncpg reads most of it by itself. Ours are: the TLS rule, PGSERVICE, libpq's client options that asyncpg would send
to the server, and URLs whose password was not escaped, before anything of it can show up in a message.
"""

from __future__ import annotations

import configparser
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from bulkq.drivers import urls
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

CONNECT_S = 10.0
HIGHEST_PORT = 65535
IGNORED = frozenset(
    [
        "connect_timeout",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "client_encoding",
        "fallback_application_name",
        "application_name",
        "sslcompression",
        "sslsni",
        "load_balance_hosts",
        "gssdelegation",
    ]
)
"""Options of libpq's own side: asyncpg would hand them to the server as settings, which refuses them."""

HARMLESS = {
    "channel_binding": {"disable", "prefer"},
    "gssencmode": {"disable", "prefer"},
    "sslcertmode": {"allow"},
    "require_auth": {""},
}
"""Options that asyncpg does not know, with the values under which nobody misses them."""

UNKNOWN = frozenset({*HARMLESS, "hostaddr", "requirepeer", "sslcrldir", "replication"})
SYSTEM = "sslrootcert=system"
LOCAL = re.compile(r"localhost|127(\.\d+){3}|::1|", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Options:
    """What `asyncpg.connect` is given."""

    dsn: str = field(repr=False)
    ssl: str | SSLContext | None  # None: as asyncpg finds it
    required: bool  # `ssl` is our rule's, not the user's
    service: str | None
    passfile: str | None  # None: as asyncpg finds it
    password: bool  # one was given where everybody looks
    application_name: str | None
    timeout_s: float
    hosts: tuple[str, ...]  # as far as the URL and the environment name them; for messages and the TLS rule


def read(url: str, environment: Mapping[str, str] | None = None) -> Options:
    """What `url` asks for, with what the environment adds.

    Raises:
        UsageError: an option that cannot be honoured, or a URL whose parts cannot be told apart.
    """
    known: Mapping[str, str] = os.environ if environment is None else environment
    authority = _authority(url)
    given = urls.options(url)
    _refuse_unknown(given)
    service = given.get("service") or known.get("PGSERVICE") or None
    section = _section(service, known) if service else {}
    hosts = _hosts(authority) or _split(given.get("host") or section.get("host") or known.get("PGHOST") or "")
    decided = given.get("sslmode") or section.get("sslmode") or known.get("PGSSLMODE")
    required = not decided and not all(map(_local, hosts))
    _refuse_missing_files(given, section, known)
    system = "system" in (given.get("sslrootcert"), section.get("sslrootcert"), known.get("PGSSLROOTCERT"))
    return Options(
        dsn=_without(url),
        ssl=_system_certificates() if system else "require" if required else None,
        required=required and not system,
        service=service,
        passfile=_passfile(given.get("passfile") or section.get("passfile") or known.get("PGPASSFILE")),
        password=bool(urls.passwords(url) or section.get("password") or known.get("PGPASSWORD")),
        application_name=given.get("application_name"),
        timeout_s=_timeout_s(given.get("connect_timeout") or known.get("PGCONNECT_TIMEOUT")),
        hosts=tuple(hosts),
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
            f'target "{urls.safe(url)}" cannot be read: in a user or password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23'
        )
    if broken:
        raise UsageError(
            f'target "{urls.safe(url)}" cannot be read: after the host stands a port number from 1 to {HIGHEST_PORT}, then /database'
        )
    return hosts


def _port_is_possible(host: str) -> bool:
    found = re.fullmatch(r"[^:]*(?::(\d*))?", host, re.ASCII)
    if found is None:
        return False
    digits = (found[1] or "").lstrip("0")
    return not found[1] or (bool(digits) and len(digits) <= len(str(HIGHEST_PORT)) and int(digits) <= HIGHEST_PORT)


def _hosts(authority: str) -> list[str]:
    return [_host(part) for part in authority.split(",")] if authority else []


def _split(hosts: str) -> list[str]:
    return [_host(part) for part in hosts.split(",")] if hosts else []


def _host(part: str) -> str:
    """`db1` of `db1:5432`, `::1` of `[::1]:5432`."""
    part = unquote(part)
    if part.startswith("["):
        return part[1:].partition("]")[0]
    return part if part.startswith("/") else part.partition(":")[0]


def _local(host: str) -> bool:
    return host.startswith(("/", "@")) or LOCAL.fullmatch(host) is not None


def _section(service: str, known: Mapping[str, str]) -> Mapping[str, str]:
    path = at_home(known.get("PGSERVICEFILE"), ".pg_service.conf")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except configparser.Error:
        raise UsageError(f'the service file "{path}" cannot be read: it has [sections] of key=value lines') from None
    if service not in parser:
        raise UsageError(f'no service "{service}" in "{path}"')
    return parser[service]


def _refuse_unknown(given: Mapping[str, str]) -> None:
    for name in given.keys() & UNKNOWN:
        if given[name] not in HARMLESS.get(name, ()):
            raise UsageError(f"{name}={given[name]} in the target's URL is beyond the asyncpg driver: take it out")


def _refuse_missing_files(*places: Mapping[str, str]) -> None:
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl"):
        for place in places:
            path = place.get(name) or place.get(f"PG{name.upper()}")
            if path and path != "system" and not Path(path).is_file():
                raise UsageError(f'{name}: there is no file "{path}"')


def _system_certificates() -> SSLContext:
    """What libpq does for `sslrootcert=system`: the certificates that this machine trusts, and the host's name is checked."""
    import ssl

    return ssl.create_default_context()


def _passfile(named: str | None) -> str | None:
    """None, or a file that does not exist where the real one has to be ignored: asyncpg would print a warning of its own."""
    path = at_home(named, ".pgpass")
    return f"{path}.ignored" if exposed(path) else None


def at_home(named: str | None, name: str) -> Path:
    """The file `named`, else `name` in the home directory, which an account in a container may not have."""
    try:
        return Path(named) if named else Path.home() / name
    except RuntimeError:
        return Path(os.devnull)


def exposed(path: Path) -> bool:
    """Whether others may read a password file, so that nobody uses it: libpq's rule."""
    return path.is_file() and bool(path.stat().st_mode & 0o077)


def _timeout_s(text: str | None) -> float:
    if not text or not text.isdigit() or int(text) == 0:
        return CONNECT_S
    return min(CONNECT_S, float(text))


def _without(url: str) -> str:
    """`url` without the options that are for us, and with the scheme that asyncpg knows: `+asyncpg` is SQLAlchemy's."""
    head, mark, query = url.partition("?")
    head = re.sub(r"^\s*[^:]*://", "postgresql://", head)
    ours = IGNORED | UNKNOWN
    kept = [
        pair for pair in query.split("&") if pair and unquote(pair.partition("=")[0]) not in ours and pair != SYSTEM
    ]
    return f"{head}{mark}{'&'.join(kept)}" if kept else head

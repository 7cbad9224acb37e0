"""A URL, the service file that it names, and the environment, as one set of parameters in libpq's order of precedence.

Order: the URL, then the service file, then the environment:
https://www.postgresql.org/docs/current/libpq-pgservice.html and `conninfo_add_defaults` of libpq.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from bulkq.drivers.libpq.parameters import KEYWORDS, SETTINGS, VARIABLES
from bulkq.errors import UsageError
from bulkq.text.messages import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

URL = "the URL"
USER_FILE = ".pg_service.conf"
SYSTEM_FILE = "pg_service.conf"
SYNONYMS = {"database": "dbname", "username": "user"}
PORT = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ConnectionParameter:
    """A parameter and where it was found."""

    value: str = field(repr=False)
    source: str  # `the URL`, `service "shop"`, `PGOPTIONS`


def resolve(url: str, environment: Mapping[str, str]) -> dict[str, ConnectionParameter]:
    """Every parameter that is given, by libpq's name; what libpq does not know stands under its own name, from the URL only.

    Raises:
        UsageError: the service, or a parameter of it, cannot be found.
    """
    found = {name: ConnectionParameter(value, URL) for name, value in _of_url(url).items()}
    for name, value, source in _of_service(found, environment):
        found.setdefault(name, ConnectionParameter(value, source))
    for name, variable in (VARIABLES | SETTINGS).items():
        if environment.get(variable):
            found.setdefault(name, ConnectionParameter(environment[variable], variable))
    return found


def hosts_of(given: Mapping[str, ConnectionParameter]) -> list[tuple[str, str]]:
    """Host and port of each server, the port "" where none is given.

    Raises:
        UsageError: there are more ports than one and not as many as hosts.
    """
    text = value(given, "host") or value(given, "hostaddr")
    if not text:
        return []
    pairs = [_split(part.strip()) for part in text.split(",")]
    ports = [port.strip() for port in value(given, "port").split(",")]
    if len(ports) not in {1, len(pairs)}:
        raise UsageError(f"{len(ports)} ports for {len(pairs)} hosts: give one port, or one for each host")
    ports = ports * len(pairs) if len(ports) == 1 else ports
    return [(host, own or port) for (host, own), port in zip(pairs, ports, strict=True)]


def value(given: Mapping[str, ConnectionParameter], name: str) -> str:
    """The value of a parameter; "" where it is not given."""
    return given[name].value if name in given else ""


def _of_url(url: str) -> dict[str, str]:
    """Parameters of `scheme://user:password@h1:1,h2:2/database?name=value`; the query string outranks what stands before it."""
    rest, _, query = url.partition("://")[2].partition("?")
    authority, _, database = rest.partition("/")
    user, _, hosts = authority.rpartition("@")
    name, colon, password = user.partition(":")
    parts = [_split(unquote(part)) for part in hosts.split(",")] if hosts else []
    ports = [port for _, port in parts]
    found = {
        "host": ",".join(host for host, _ in parts),
        "port": ",".join(ports) if any(ports) else "",
        "user": unquote(name),
        "password": unquote(password) if colon else "",
        "dbname": unquote(database),
    }
    return {key: text for key, text in found.items() if text} | _of_query(query.partition("#")[0])


def _of_query(query: str) -> dict[str, str]:
    """The last of a repeated name counts; hosts add up, as SQLAlchemy writes them."""
    found: dict[str, str] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        key = SYNONYMS.get(name, name)
        found[key] = f"{found[key]},{text}" if key == "host" and key in found else text
    return found


def _split(part: str) -> tuple[str, str]:
    """Host and port of `db1:5432`, `[::1]:5432`, `::1`, `/run/postgresql`."""
    if part.startswith("["):
        host, _, port = part[1:].partition("]")
        return host, port.removeprefix(":")
    host, colon, port = part.partition(":")
    return (host, port) if colon and not part.startswith("/") and PORT.fullmatch(port) else (part, "")


def _of_service(
    given: Mapping[str, ConnectionParameter], environment: Mapping[str, str]
) -> Iterable[tuple[str, str, str]]:
    """Name, value and source of each parameter of the service that is asked for, if any."""
    service = value(given, "service") or environment.get("PGSERVICE", "")
    if not service:
        return
    named = value(given, "servicefile") or environment.get("PGSERVICEFILE", "")
    files = [named or home_file(USER_FILE)]
    if environment.get("PGSYSCONFDIR"):
        files.append(str(Path(environment["PGSYSCONFDIR"]) / SYSTEM_FILE))
    for path in files:
        section = _section(service, path)
        if section is not None:
            yield from ((name, text, f'service "{service}"') for name, text in section)
            return
    raise UsageError(f'no service "{service}" in {" or ".join(f"{chr(34)}{path}{chr(34)}" for path in files)}')


def home_file(name: str) -> str:
    """The file `name` in the home directory, which an account in a container may not have; "" then."""
    try:
        return str(Path.home() / name)
    except RuntimeError:
        return ""


def _section(service: str, path: str) -> list[tuple[str, str]] | None:
    """The parameters of a section as libpq reads them: no quotes, `#` only at the beginning of a line. None: no section."""
    try:
        text = Path(path).read_text(encoding="utf-8") if path else ""
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise UsageError(f'the service file "{path}" cannot be read: it has [sections] of key=value lines') from None
    found: list[tuple[str, str]] | None = None
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line.startswith("["):
            if found is not None:
                break
            found = [] if line == f"[{service}]" else None
        elif found is not None and line and not line.startswith("#"):
            found.append(_entry(line, f"{path}:{number}"))
    return found


def _entry(line: str, place: str) -> tuple[str, str]:
    name, equals, text = line.partition("=")
    if line.startswith("ldap"):
        raise UsageError(f"{place}: bulkq does not look services up in LDAP: write the parameters into the file")
    if not equals:
        raise UsageError(f"{place}: the service file cannot be read: write key=value lines below [sections]")
    name = SYNONYMS.get(name.strip(), name.strip())
    if name == "service":
        raise UsageError(f"{place}: a service cannot name another service: take the line out")
    if name not in KEYWORDS:
        near = nearest(name, KEYWORDS)
        advice = f"did you mean {near}?" if near else "set server settings with options=-c name=value"
        raise UsageError(f'{place}: libpq has no parameter "{name}" ({advice})')
    return name, text.strip()

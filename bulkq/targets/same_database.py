"""Decide which URLs lead to the same database, from the URLs and the file system.

A name in DNS or a tunnel may lead there as well: only the database itself knows, and `expect.*` asks it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from bulkq.dialects import dialect_for
from bulkq.drivers.libpq import resolve_parameters
from bulkq.drivers.libpq.parameters import find_value
from bulkq.drivers.libpq.url import hosts_of
from bulkq.text import urls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.dialects.base import Dialect

HERE = frozenset({"", "127.0.0.1", "::1"})


def list_places(url: str) -> frozenset[tuple[str, ...]]:
    """What two URLs of one database have in common: the file, or host, port and database, of each host where there are several."""
    known = dialect_for((urls.parse_scheme(url) or "").partition("+")[0])
    family = known.name
    if known.is_file:
        return _file(family, unquote(urls.split_file(url)[1]))
    if known.libpq:
        return _server(url, known)
    rest = url.partition("://")[2].partition("?")[0]
    authority, _, path = rest.rpartition("@")[2].partition("/")
    given = urls.parse_options(url)
    database = unquote(path) or given.get("database") or unquote(rest.rpartition("@")[0].partition(":")[0])
    hosts = _hosts(given.get("host") or unquote(authority))
    return _of_hosts(family, hosts, given.get("port") or known.port, database)


def _server(url: str, known: Dialect) -> frozenset[tuple[str, ...]]:
    """Of PostgreSQL, with what the service file and the environment add."""
    given = resolve_parameters(url, os.environ)
    database = find_value(given, "dbname") or find_value(given, "user")
    return _of_hosts(known.name, hosts_of(given) or [("", find_value(given, "port"))], known.port, database)


def _of_hosts(family: str, hosts: Iterable[tuple[str, str]], port: str, database: str) -> frozenset[tuple[str, ...]]:
    return frozenset((family, "localhost" if h.lower() in HERE else h.lower(), p or port, database) for h, p in hosts)


def guard_of(url: str, named: Iterable[tuple[str, str]]) -> str:
    """The name of the first of `named` (name and URL) that is the database of `url`; "" where none is."""
    there = list_places(url)
    return next((name for name, other in named if there & list_places(other)), "")


def _file(family: str, path: str) -> frozenset[tuple[str, ...]]:
    path = path.removeprefix("file:")
    if not path or path.startswith((":", "md:")):
        return frozenset()
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return frozenset({(family, os.path.realpath(path) if "\0" not in path else path)})
    return frozenset({(family, str(found.st_dev), str(found.st_ino))})


def _hosts(authority: str) -> list[tuple[str, str]]:
    """Host and port of each of `h1:1,[::1]:2,/run/socket`, the port "" where none stands there."""
    found: list[tuple[str, str]] = []
    for part in authority.split(","):
        host, _, port = part.rpartition(":") if _has_port(part) else (part, "", "")
        found.append((host.strip("[]").lower(), port))
    return found


def _has_port(part: str) -> bool:
    return part.rpartition(":")[2].isdigit() and (part.count(":") == 1 or "]:" in part)

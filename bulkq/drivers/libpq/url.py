"""The parts of a PostgreSQL URL as libpq's parameters, and lists of hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from bulkq.drivers.libpq.parameters import SYNONYMS, find_value
from bulkq.errors import UsageError
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.drivers.libpq.parameters import ConnectionParameter

PORT = compile_late(r"\d+", re.ASCII)


def parameters_of_url(url: str) -> dict[str, str]:
    """Parameters of `scheme://user:password@h1:1,h2:2/database?name=value`; the query string outranks what stands before it."""
    rest, _, query = url.partition("://")[2].partition("?")
    authority, _, database = rest.partition("/")
    user, _, hosts = authority.rpartition("@")
    name, colon, password = user.partition(":")
    parts = [split_port(unquote(part)) for part in hosts.split(",")] if hosts else []
    ports = [port for _, port in parts]
    found = {
        "host": ",".join(host for host, _ in parts),
        "port": ",".join(ports) if any(ports) else "",
        "user": unquote(name),
        "password": unquote(password) if colon else "",
        "dbname": unquote(database),
    }
    return {key: text for key, text in found.items() if text} | _of_query(query.partition("#")[0])


def hosts_of(given: Mapping[str, ConnectionParameter]) -> list[tuple[str, str]]:
    """Host and port of each server, the port "" where none is given.

    Raises:
        UsageError: there are more ports than one and not as many as hosts.
    """
    text = find_value(given, "host") or find_value(given, "hostaddr")
    if not text:
        return []
    pairs = [split_port(part.strip()) for part in text.split(",")]
    ports = [port.strip() for port in find_value(given, "port").split(",")]
    if len(ports) not in {1, len(pairs)}:
        raise UsageError(f"{len(ports)} ports for {len(pairs)} hosts: give one port, or one for each host")
    ports = ports * len(pairs) if len(ports) == 1 else ports
    return [(host, own or port) for (host, own), port in zip(pairs, ports, strict=True)]


def _of_query(query: str) -> dict[str, str]:
    """The last of a repeated name counts; hosts add up, as SQLAlchemy writes them."""
    found: dict[str, str] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        key = SYNONYMS.get(name, name)
        found[key] = f"{found[key]},{text}" if key == "host" and key in found else text
    return found


def split_port(part: str) -> tuple[str, str]:
    """Host and port of `db1:5432`, `[::1]:5432`, `::1`, `/run/postgresql`."""
    if part.startswith("["):
        host, _, port = part[1:].partition("]")
        return host, port.removeprefix(":")
    host, colon, port = part.partition(":")
    return (host, port) if colon and not part.startswith("/") and PORT.fullmatch(port) else (part, "")

"""The connection service file: https://www.postgresql.org/docs/current/libpq-pgservice.html ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.drivers.libpq.parameters import KEYWORDS, SYNONYMS, find_value
from bulkq.errors import UsageError
from bulkq.text.message_parts import find_nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkq.drivers.libpq.parameters import ConnectionParameter

USER_FILE = ".pg_service.conf"
SYSTEM_FILE = "pg_service.conf"


def parameters_of_service(
    given: Mapping[str, ConnectionParameter], environment: Mapping[str, str]
) -> Iterable[tuple[str, str, str]]:
    """Name, value and source of each parameter of the service that is asked for, if any."""
    service = find_value(given, "service") or environment.get("PGSERVICE", "")
    if not service:
        return
    named = find_value(given, "servicefile") or environment.get("PGSERVICEFILE", "")
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
        raise UsageError(f"{place}: a service cannot name another service: remove the line")
    if name not in KEYWORDS:
        near = find_nearest(name, KEYWORDS)
        advice = f"did you mean {near}?" if near else "set server settings with options=-c name=value"
        raise UsageError(f'{place}: libpq has no parameter "{name}" ({advice})')
    return name, text.strip()

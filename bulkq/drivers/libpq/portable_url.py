"""A URL that leads to the same database, as the same user, from processes whose environment says something else."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING
from urllib.parse import quote

from bulkq.drivers.libpq.parameters import SECRET, SETTINGS, VARIABLES
from bulkq.drivers.libpq.resolve_parameters import resolve_parameters
from bulkq.drivers.libpq.server_settings import settings_of, startup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkq.model import Setting

FILES = frozenset({"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"})
"""Parameters that name files, which every process has at its own place."""

PORT = "5432"


def write_environment(url: str, environment: Mapping[str, str]) -> str:
    """`url` with what the environment and libpq's defaults add to it: server, database, user and settings. Secrets and files are left out.

    A service is named, and not read: its file may hold a password.

    Raises:
        UsageError: the service, or a parameter of it, cannot be found.
    """
    given = resolve_parameters(url, environment)
    found = {
        name: one.value
        for name, one in given.items()
        if one.source == VARIABLES.get(name) and name not in SECRET | FILES | {"options"}
    }
    if any(one.source in {*SETTINGS.values(), VARIABLES["options"]} for one in given.values()):
        found["options"] = startup(settings_of(given))
    if "service" not in given and environment.get("PGSERVICE"):
        found["service"] = environment["PGSERVICE"]
    user = given["user"].value if "user" in given else _user()
    defaults = {"port": PORT, "user": user, "dbname": user}
    found |= {name: default for name, default in defaults.items() if name not in given}
    words = "&".join(f"{name}={quote(value, safe='')}" for name, value in found.items() if value)
    plain = url.partition("#")[0]
    return f"{plain}{'&' if '?' in plain else '?'}{words}" if words else url


def other_settings(url: str, environment: Mapping[str, str], found: Iterable[Setting]) -> str:
    """What a session was given by the environment of another process, and would not be given here; "" if nothing."""
    ours = {one.name: one.value for one in settings_of(resolve_parameters(url, environment))}
    return ", ".join(f"{one.name}={one.value} ({one.source})" for one in found if ours.get(one.name) != one.value)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return ""

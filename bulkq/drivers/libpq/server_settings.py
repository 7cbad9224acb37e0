"""Settings of the server that a connection asks for: `options=-c name=value`, PGOPTIONS, PGTZ, PGDATESTYLE, PGGEQO.

How the server reads `options`: `pg_split_opts` and `process_postgres_switches` of PostgreSQL. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.drivers.libpq.parameters import KEYWORDS, SETTINGS
from bulkq.errors import UsageError, join_errors
from bulkq.model import Setting
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bulkq.drivers.libpq.parameters import ConnectionParameter

WORD = compile_late(r"(?:\\.|[^ \t\n\v\f\r\\])+", re.DOTALL)
NAME = compile_late(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*")
BLAMED = frozenset({"22023", "42704", "55P02", "42501"})
"""States with which the server refuses a setting at the start of a session."""

OURS = {
    "statement_timeout": "bulkq sets it for every statement: use --timeout",
    "lock_timeout": "bulkq sets it for every statement: use --lock-timeout",
    "idle_in_transaction_session_timeout": "bulkq sets it in every transaction",
    "client_connection_check_interval": "bulkq sets it for every session",
    "log_parameter_max_length_on_error": "bulkq sets it in every transaction",
    "transaction_isolation": "it ends with a transaction: use default_transaction_isolation",
    "transaction_read_only": "it ends with a transaction: use default_transaction_read_only",
    "transaction_deferrable": "it ends with a transaction: use default_transaction_deferrable",
}
"""Settings that would not last, with the reason."""


def _iso(text: str) -> bool:
    """Whether dates are written in ISO style: the first word says so, or only their order of input is set."""
    words = [word.strip().lower() for word in text.split(",")]
    return all(word == "iso" or word.startswith(("dmy", "mdy", "ymd", "euro", "us", "noneuro")) for word in words)


def _whole_floats(text: str) -> bool:
    return text.strip() in {"1", "2", "3"}


FIXED: dict[str, tuple[Callable[[str], bool], str]] = {
    "datestyle": (_iso, 'dates are written in ISO style: "ISO, DMY" sets the order in which they are read'),
    "intervalstyle": (lambda text: text.strip().lower() == "postgres", "intervals are written in the style postgres"),
    "extra_float_digits": (_whole_floats, "floating-point numbers are written with all their digits"),
    "bytea_output": (lambda text: text.strip().lower() == "hex", "bytea is written in hex"),
    "standard_conforming_strings": (
        lambda text: text.strip().lower() in {"on", "true", "yes", "1"},
        "bulkq reads backslashes in strings as the standard does",
    ),
    "client_encoding": (
        lambda text: text.replace("-", "").replace("_", "").strip("'\"").lower() in {"utf8", "unicode"},
        "bulkq exchanges UTF-8 with the server",
    ),
    "default_transaction_isolation": (
        lambda text: " ".join(text.lower().split()) == "read committed",
        "writes are READ COMMITTED, whatever the default is",
    ),
}
"""Settings with values on which bulkq's own reading and writing stands: whether a value is one of them, and the reason."""


def settings_of(given: Mapping[str, ConnectionParameter]) -> tuple[Setting, ...]:
    """What `given` sets on the server, each name once, in the order in which the server takes them.

    Variables outrank `options`, as in libpq. Names that libpq does not know are settings too, as asyncpg has it.

    Raises:
        UsageError: `options` cannot be read, or a setting cannot be honoured.
    """
    found: dict[str, Setting] = {}
    for one in (*_options(given), *_variables(given), *_unknown(given)):
        found.pop(one.name, None)
        found[one.name] = one
    wrong = [line for one in found.values() if (line := _complaint(one))]
    if wrong:
        raise join_errors(UsageError, wrong)
    return tuple(found.values())


def startup(settings: Iterable[Setting]) -> str:
    """`settings` as the parameter `options` of the start-up message."""
    return " ".join("-c " + re.sub(r"([ \t\n\v\f\r\\])", r"\\\1", f"{one.name}={one.value}") for one in settings)


def blame(message: str, sqlstate: str | None, settings: Sequence[Setting]) -> str | None:
    """The line about the setting that the server refuses with `message`, or None where it is about something else."""
    if sqlstate is not None and sqlstate not in BLAMED:
        return None
    for one in settings:
        quoted = one.value if one.name in {"role", "session_authorization"} else one.name
        if f'"{quoted}"'.lower() in message.lower():
            words = message.rpartition("FATAL:")[2].strip()  # libpq puts the address before the server's words
            return f"{one.source}: {words}: correct the setting, or remove it"
    return None


def _options(given: Mapping[str, ConnectionParameter]) -> list[Setting]:
    if "options" not in given:
        return []
    text, source = given["options"].value, given["options"].source
    words = iter([re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in WORD.findall(text)])
    return [_setting(word, words, source) for word in words]


def _setting(word: str, following: Iterable[str], source: str) -> Setting:
    """One `-c name=value`, `-cname=value` or `--name=value`."""
    if word.startswith("--"):
        pair = word[2:]
    elif word.startswith("-c"):
        pair = word[2:] or next(iter(following), "")
    else:
        raise UsageError(f'{source}: options: "{word}" is not understood: write -c name=value for each setting')
    name, equals, text = pair.partition("=")
    name = name.replace("-", "_").lower()
    if not equals or NAME.fullmatch(name) is None:
        raise UsageError(f'{source}: options: "{pair}" is not name=value: write -c name=value for each setting')
    return Setting(name, text, source)


def _variables(given: Mapping[str, ConnectionParameter]) -> list[Setting]:
    """libpq does not send the value `default`."""
    found = [(name, given[name]) for name, variable in SETTINGS.items() if _from(given, name, variable)]
    return [Setting(name, one.value, one.source) for name, one in found if one.value.lower() != "default"]


def _from(given: Mapping[str, ConnectionParameter], name: str, source: str) -> bool:
    return name in given and given[name].source == source


def _unknown(given: Mapping[str, ConnectionParameter]) -> list[Setting]:
    names = [name for name in given if name not in KEYWORDS and not _from(given, name, SETTINGS.get(name, ""))]
    return [Setting(name.lower(), given[name].value, given[name].source) for name in names]


def _complaint(setting: Setting) -> str | None:
    shown = f"{setting.source}: {setting.name}={setting.value}"
    if setting.name in OURS:
        return f"{shown} cannot be honoured: {OURS[setting.name]}"
    fits, reason = FIXED.get(setting.name, (None, ""))
    if fits is not None and not fits(setting.value):
        return f"{shown} cannot be honoured: {reason}"
    return None

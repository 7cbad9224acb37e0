"""The options after the `?` of an SQLite URL: pragmas of the connection, and how the file is opened. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import find_nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

SWITCH = {**dict.fromkeys(["on", "true", "yes", "1"], "1"), **dict.fromkeys(["off", "false", "no", "0"], "0")}
NUMBER = compile_late(r"-?[0-9]{1,15}")

PRAGMAS: dict[str, Sequence[str] | None] = {
    "cache_size": None,
    "case_sensitive_like": (),
    "foreign_keys": (),
    "ignore_check_constraints": (),
    "mmap_size": None,
    "recursive_triggers": (),
    "secure_delete": ("fast",),
    "synchronous": ("off", "normal", "full", "extra"),
    "temp_store": ("default", "file", "memory"),
}
"""Pragmas of a connection, and the words that they take: () is on or off, None a number. https://sqlite.org/pragma.html"""

WORDS = frozenset({"synchronous", "temp_store"})
"""Those that are no switch."""

ELSEWHERE = {
    "busy_timeout": "use --lock-timeout",
    "timeout": "use --lock-timeout",
    "journal_mode": "it changes the file for all its users: set it once, such as sqlite3 FILE 'pragma journal_mode = wal'",
    "query_only": "a run is read-only without --write",
}
"""What other programs take, and what stands for it here."""

NAMES = (*PRAGMAS, "mode", "immutable")


@frozen
class SqliteOptions:
    """How a file is opened."""

    pragmas: tuple[str, ...] = ()
    """Statements for every new connection."""

    only_read: bool = False
    immutable: bool = False

    @property
    def reading(self) -> str:
        """The option that no write agrees with; "" where there is none."""
        return "mode=ro" if self.only_read else "immutable=1" if self.immutable else ""


def options_of(url: str, query: str) -> SqliteOptions:
    """What `query`, the part of `url` behind the `?`, says.

    Raises:
        UsageError: an option that is not known, with the nearest, or a value that it does not take.
    """
    pragmas: list[str] = []
    only_read = immutable = False
    for name, value in parse_qsl(query, keep_blank_values=True):
        word = value.strip().lower()
        if name == "mode":
            only_read = _one_of(url, name, word, ("ro", "rw")) == "ro"
        elif name == "immutable":
            immutable = SWITCH[_one_of(url, name, word, tuple(SWITCH))] == "1"
        elif name in PRAGMAS:
            pragmas.append(f"PRAGMA {name} = {_value(url, name, word)}")
        else:
            raise UsageError(_unknown(url, name))
    return SqliteOptions(tuple(pragmas), only_read, immutable)


def _value(url: str, name: str, word: str) -> str:
    words = PRAGMAS[name]
    if words is None:
        if not NUMBER.fullmatch(word):
            raise UsageError(f'"{url}": {name} takes a number, not "{word}"')
        return word
    if name in WORDS:
        return _one_of(url, name, word, words)
    return SWITCH.get(word) or _one_of(url, name, word, ("on", "off", *words))


def _one_of(url: str, name: str, word: str, words: Sequence[str]) -> str:
    if word not in words:
        raise UsageError(f'"{url}": {name} takes {", ".join(words[:-1])} or {words[-1]}, not "{word}"')
    return word


def _unknown(url: str, name: str) -> str:
    if name in ELSEWHERE:
        return f'"{url}": {name} is not taken from the URL: {ELSEWHERE[name]}'
    near = find_nearest(name, NAMES)
    meant = f"did you mean {near}?" if near else f"known are {', '.join(sorted(NAMES))}"
    return f'"{url}": unknown option "{name}": {meant} (a "?" in the file name is written %3F)'

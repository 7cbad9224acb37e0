"""The requests of live control, as JSON objects of one line. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.durations import parse_duration
from bulkq.text.message_parts import quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST_S = 1.0
"""Seconds for which a change may hold, at least."""

COMMANDS: Mapping[str, str] = {
    "status": "show what the run does, and how far it is",
    "why": "show why it is not faster",
    "pause": "start no further batch, and close the connections",
    "resume": "go on after a pause",
    "drain": "stop: start no further batch, let running ones finish",
    "stop": "stop now: cancel the running statements",
    "set": "change settings: KEY=VALUE...",
    "get": "show settings: [KEY]",
}
"""Every command, with what it does."""

FIELDS: Mapping[str, tuple[str, ...]] = {"pause": ("for",), "set": ("settings", "for"), "get": ("key",)}
"""The fields of a request beside `command`."""


@frozen(kw_only=True)
class ControlRequest:
    """A request to a run.

    Attributes:
        command: a key of `COMMANDS`.
        settings: of `set`: `concurrency=4`, as typed.
        key: of `get`; "" for all.
        for_s: seconds after which a pause or a change is taken back; None: never.
    """

    command: str
    settings: tuple[str, ...] = ()
    key: str = ""
    for_s: float | None = None


def parse_request(text: str | bytes) -> ControlRequest:
    """Parse `{"command": "set", "settings": ["rate=500/s"], "for": "30m"}`.

    Raises:
        UsageError: it is not a request.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError('the request is not a JSON object: write one such as {"command": "status"}')
    command = found.pop("command", None)
    if not isinstance(command, str) or command not in COMMANDS:
        raise UsageError(unknown_command("" if command is None else command))
    known = FIELDS.get(command, ())
    for name in found:
        if name not in known:
            having = f"use {', '.join(known)}" if known else "it has none"
            raise UsageError(f"{command}: unknown field {quoted(name)}{suggestion(name, known)}: {having}")
    settings, key, duration = found.get("settings", []), found.get("key", ""), found.get("for")
    if not isinstance(settings, list) or not all(isinstance(word, str) for word in settings):
        raise UsageError('set: "settings" is not a list of texts: write ["concurrency=4"]')
    if not isinstance(key, str) or not isinstance(duration, str | None):
        raise UsageError(f"{command}: {'key' if not isinstance(key, str) else 'for'} is not a text")
    return ControlRequest(command=command, settings=tuple(settings), key=key, for_s=parse_for(duration))


def request_text(request: ControlRequest) -> str:
    """Return the JSON form of `request`, which `parse_request` reads back."""
    fields: dict[str, object] = {"command": request.command}
    if request.settings:
        fields["settings"] = list(request.settings)
    if request.key:
        fields["key"] = request.key
    if request.for_s is not None:
        fields["for"] = f"{request.for_s:.3f}s"
    return json.dumps(fields)


def parse_for(text: str | None) -> float | None:
    """Return the seconds after which a change is taken back: of `30m`; None for None.

    Raises:
        UsageError: it is not a duration.
    """
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"for {error}") from None
    if seconds is None:
        raise UsageError('for "none": leave it out, and the change stays')
    if seconds < SHORTEST_S:
        raise UsageError(f"for {quoted(text)}: must be at least {SHORTEST_S:g}s")
    return seconds


def unknown_command(name: object) -> str:
    """Return the message for a command that there is not."""
    near = suggestion(str(name), COMMANDS) if name else ""
    return f"unknown command {quoted(name)}{near}: use {', '.join(COMMANDS)}"

"""Write lines to stderr: text for people, or JSON objects with `--log-format json`."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model import BatchResult, RunSummary
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Observer

_PLACE = compile_late(r"[^\s:][^:]*:\d+: ")


def _redacted(text: str) -> str:
    """Return `text` without passwords. Lines that cannot hold one do not import the module that finds them."""
    if "://" not in text and "=" not in text:
        return text
    from bulkq.text.urls import redact_urls

    return redact_urls(text)


class Messages:
    """Writer of warnings, errors and, with JSON, the notices of a run."""

    def __init__(self, *, as_json: bool = False) -> None:
        """Write to stderr; as one JSON object per line with `as_json`."""
        self.as_json = as_json

    def say(self, level: str, text: str, *, bare: bool = False) -> None:
        """Write one line. A closed stderr is not an error.

        Args:
            level: "error", "warning" or "info". JSON shows each level; text shows only "warning".
            text: the line, without a newline.
            bare: True if the line starts with a place in a file and needs no `bulkq: `.
        """
        shown = "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in _redacted(text))
        if self.as_json:
            import json

            line = json.dumps({"level": level, "message": shown}, ensure_ascii=False)
        else:
            line = shown if bare else f"bulkq: {'warning: ' if level == 'warning' else ''}{shown}"
        self.raw([line])

    def error(self, line: str) -> None:
        """Write a line of an error, with `bulkq: ` before it if it does not start with `file:line:`."""
        self.say("error", line, bare=_PLACE.match(line) is not None)

    def raw(self, lines: Iterable[str]) -> None:
        """Write lines unchanged."""
        stream = sys.stderr
        if stream is None:
            return
        with contextlib.suppress(OSError, ValueError):
            text = "".join(f"{line}\n" for line in lines)
            if os.environ.get("GITHUB_ACTIONS") == "true":
                from bulkq.reports.escape import escape_workflow_commands

                text = escape_workflow_commands(text)
            stream.write(text.encode(stream.encoding or "utf-8", "backslashreplace").decode(stream.encoding or "utf-8"))
            stream.flush()


class Notices:
    """Observer that passes notices of a run to `messages` and all other events to a progress display."""

    def __init__(self, messages: Messages, display: Observer) -> None:
        """Pass events to `display`."""
        self.messages = messages
        self.display = display

    def started(self, progress: Progress) -> None:
        """Pass the event on."""
        self.display.started(progress)

    def batch_done(self, result: BatchResult) -> None:
        """Pass the event on."""
        self.display.batch_done(result)

    def notice(self, text: str) -> None:
        """Write the notice as one line."""
        self.messages.say("info", text)

    def finished(self, summary: RunSummary) -> None:
        """Pass the event on."""
        self.display.finished(summary)

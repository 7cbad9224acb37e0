"""An observer that keeps the notices of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Notices:
    """The lines of a run's notices, and an action at its start."""

    def __init__(self, when_started: Callable[[], object] | None = None) -> None:
        self.lines: list[str] = []
        self._when_started = when_started

    def started(self, progress: object) -> None:
        if self._when_started:
            self._when_started()

    def batch_done(self, result: object) -> None: ...
    def finished(self, summary: object) -> None: ...
    def notice(self, text: str) -> None:
        self.lines.append(text)

"""Stop a run from outside: signal, deadline, closed output, end of `async with`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.control.steerable import Steerable

DRAIN_S = 30.0
"""Time in seconds that statements get to finish after the first signal. Then they are cancelled."""


class Control:
    """Whether a run goes on, drains or is cancelled, with the reason and the exit code of its end.

    Args:
        listens: whether the run listens for `bulkq ctl`.
    """

    def __init__(self, *, listens: bool = False) -> None:
        self.listens = listens
        self.run: Steerable | None = None
        """Steers the run while its batches are executed; None before."""

        self.reason = ""
        self.exit_code = 0
        self.begun = False
        """Whether the run is on record, so that from now on a stop is recorded."""

        self.draining = False
        self.cancelled = False
        self.final = False
        """Whether a resume would stop for the same reason, so that the run does not go on."""

        self._on_drain: Callable[[], None] | None = None
        self._on_cancel: Callable[[], None] | None = None

    def drain(self, reason: str, exit_code: int = 5) -> None:
        """Start no further batch. Batches that are being executed may finish."""
        if not self.draining:
            self.draining, self.reason, self.exit_code = True, reason, exit_code
            if self._on_drain is not None:
                self._on_drain()

    def cancel(self, reason: str, exit_code: int = 5) -> None:
        """Cancel the running statements on the server, and stop."""
        if not self.cancelled:
            self.draining = self.cancelled = True
            self.reason, self.exit_code = reason, exit_code
            if self._on_cancel is not None:
                self._on_cancel()

    def attach(
        self, *, on_drain: Callable[[], None], on_cancel: Callable[[], None], run: Steerable | None = None
    ) -> None:
        """Call these when a stop is requested, and let `run` be steered. An earlier stop shows in `draining` and `cancelled`."""
        self._on_drain, self._on_cancel, self.run = on_drain, on_cancel, run

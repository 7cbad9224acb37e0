"""SIGINT, SIGTERM and SIGHUP while a run lasts: the first drains it, the second cancels it.

The handlers are Python's own and stay until the process ends. The loop's handlers are taken away when the loop closes,
and a signal that came while the summary is written would then kill the process before its last line.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from bulkq.errors import StoppedError

if TYPE_CHECKING:
    from types import FrameType

    from bulkq.engine.control import Control
    from bulkq.model import BatchResult, RunSummary
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Observer

FORCED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
"""Exit code when a signal came twice. SIGHUP is left alone where it is ignored: that is what `nohup` is for."""


class Signals:
    """What came, and what to do about it. An observer too: before a run has begun there is nothing to drain."""

    def __init__(self) -> None:
        """Replace the actions of the signals, also of those that the parent had ignored."""
        self.received: list[int] = []
        self.begun = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._control: Control | None = None
        self._shown: Observer | None = None
        for number in FORCED:
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._arrived)

    def attach(self, control: Control, shown: Observer) -> None:
        """Act on `control` from now on and tell `shown`. Called in the task that is cancelled where nothing has begun.

        Raises:
            StoppedError: a signal came before.
        """
        if self.received:
            raise self.too_early()
        self._control, self._shown = control, shown
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()

    def too_early(self) -> StoppedError:
        """What a signal means that came before the run began."""
        return StoppedError("interrupted before the run began: nothing was executed")

    def started(self, progress: Progress) -> None:
        """From here on there is something to drain."""
        self.begun = progress is not None

    def batch_done(self, result: BatchResult) -> None:
        """Nothing to do."""

    def notice(self, text: str) -> None:
        """Nothing to do."""

    def finished(self, summary: RunSummary) -> None:
        """Nothing to do."""

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        """Between two bytecodes of the main thread: only note it, and wake the loop."""
        del frame
        self.received.append(number)
        if self._loop is not None:
            with suppress(RuntimeError):  # closed: the run is over, its summary is being written
                self._loop.call_soon_threadsafe(self._act, len(self.received), number)

    def _act(self, count: int, number: int) -> None:
        if self._control is None or self._shown is None or self._task is None:
            return
        if not self.begun:
            self._control.drain("interrupted", StoppedError.exit_code)
            self._task.cancel()
        elif count == 1:
            self._shown.notice("stopping: no new batch, waiting for what runs (again to cancel it)")
            self._control.drain("interrupted", StoppedError.exit_code)
        elif count == 2:
            self._shown.notice("cancelling what runs")
            self._control.cancel("interrupted twice", FORCED[signal.Signals(number)])

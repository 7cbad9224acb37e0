"""Handle SIGINT, SIGTERM and SIGHUP during a run: the first drains it, the second cancels it. SIGUSR1 shows a line of its status.

The handlers are Python's own and stay until the process ends. The loop removes its handlers when it closes; a signal that
arrived while the summary is written would then kill the process before its last line.
"""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bulkq.errors import StoppedError

if TYPE_CHECKING:
    from types import FrameType

    from bulkq.engine.stop_control import Control
    from bulkq.model import BatchResult, RunSummary
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Observer

FORCED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
"""Exit code of a second signal. An ignored SIGHUP stays ignored, because `nohup` ignores it on purpose."""


class Signals:
    """The received signals. An observer, because a run that has not started is cancelled instead of drained."""

    def __init__(self) -> None:
        """Install the handlers, also for SIGINT and SIGTERM that the parent process ignored."""
        self.received: list[int] = []
        self.begun = False
        self._progress: Progress | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._control: Control | None = None
        self._shown: Observer | None = None
        for number in FORCED:
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._arrived)
        signal.signal(signal.SIGUSR1, self._asked)

    def attach(self, control: Control, shown: Observer) -> None:
        """Act on `control` and `shown` from now on. The current task is cancelled if the run has not started.

        Raises:
            StoppedError: a signal arrived before.
        """
        if self.received:
            raise self.too_early()
        self._control, self._shown = control, shown
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()

    def too_early(self) -> StoppedError:
        """Return the error for a signal that arrived before the run started."""
        return StoppedError("interrupted before the run started: no query was executed")

    def started(self, progress: Progress) -> None:
        """Drain the run at the next signal."""
        self.begun = progress is not None
        self._progress = progress

    def batch_done(self, result: BatchResult) -> None:
        """Ignore the event."""

    def notice(self, text: str) -> None:
        """Ignore the event."""

    def finished(self, summary: RunSummary) -> None:
        """Ignore the event."""

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        """Record the signal and wake the loop. Runs between two bytecodes of the main thread."""
        del frame
        self.received.append(number)
        if self._loop is not None:
            with suppress(RuntimeError):  # closed: the run has ended and its summary is being written
                self._loop.call_soon_threadsafe(self._act, len(self.received), number)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        """Have the loop show the status. Before the run there is none to show."""
        del number, frame
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._show_status)

    def _show_status(self) -> None:
        from bulkq.cli.display.progress_text import progress_line

        if self._shown is None:
            return
        if self._progress is None:
            self._shown.notice("status: the run has not begun")
            return
        line = progress_line(self._progress, time.monotonic(), datetime.now(UTC))
        self._shown.notice(f"status: run={self._progress.run} {line}")

    def _act(self, count: int, number: int) -> None:
        if self._control is None or self._shown is None or self._task is None:
            return
        if not self.begun:
            self._control.drain("interrupted", StoppedError.exit_code)
            self._task.cancel()
        elif count == 1:
            self._shown.notice(
                "stopping: no new batch is started, waiting for running queries (interrupt again to cancel them)"
            )
            self._control.drain("interrupted", StoppedError.exit_code)
        elif count == 2:
            self._shown.notice("cancelling the running queries")
            self._control.cancel("interrupted twice", FORCED[signal.Signals(number)])

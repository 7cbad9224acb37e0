"""`--metrics FILE`: write the status of a run every few seconds, for the textfile collector of Prometheus."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import BatchResult, RunSummary
    from bulkq.model.run_status import RunStatus
    from bulkq.policy.progress import Progress

INTERVAL_S = 5.0


def metrics_path(text: str | None) -> str | None:
    """Return the absolute path of `--metrics text`; None if it was not given.

    Raises:
        UsageError: it is not the path of a file, which is replaced again and again.
    """
    if text is None:
        return None
    from bulkq.sinks.paths import is_special

    path = Path(text)
    if text == "-" or is_special(text):
        raise UsageError(f'--metrics "{text}" is not a file, and a file is replaced every {INTERVAL_S:g}s: name a file')
    if path.is_dir():
        raise UsageError(f'--metrics "{text}" is a folder: give the path of a file')
    if not path.parent.is_dir():
        raise UsageError(f'--metrics "{text}": no folder "{path.parent}": create it first')
    return str(path.absolute())


class MetricsFile:
    """An observer that replaces a file every few seconds and at the end. Readers see the old one or the whole new one.

    If the file cannot be written, the user gets one notice, and the run continues.

    Args:
        path: of the file, absolute.
        say: shows a notice to the user.
        interval_s: seconds between two writes.
    """

    def __init__(self, path: str, say: Callable[[str], None], interval_s: float = INTERVAL_S) -> None:
        self._path = Path(path)
        self._say = say
        self._interval_s = interval_s
        self._progress: Progress | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._said = False

    def started(self, progress: Progress) -> None:
        """Write the file, and start the thread that replaces it."""
        self._progress = progress
        self._write(self._status(progress))
        self._thread = threading.Thread(target=self._work, name="bulkq metrics", daemon=True)
        self._thread.start()

    def batch_done(self, result: BatchResult) -> None:
        """Ignore the event: the counters hold it."""

    def notice(self, text: str) -> None:
        """Ignore the event."""

    def finished(self, summary: RunSummary) -> None:
        """Write what the run came to."""
        from bulkq.model.run_status import Activity

        self.close()
        if self._progress is not None:
            status = self._status(self._progress)
            self._write(replace(status, activity=Activity.ENDED, exit_code=summary.exit_code, resume=summary.resume))

    def close(self) -> None:
        """End the thread. May be called more than once."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def _status(self, progress: Progress) -> RunStatus:
        from bulkq.policy.read_status import read_status

        return read_status(progress, time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds"))

    def _work(self) -> None:
        while not self._over.wait(self._interval_s):
            assert self._progress is not None, "it was started"
            self._write(self._status(self._progress))

    def _write(self, status: RunStatus) -> None:
        from bulkq.reports.metrics import metrics_text

        # The collector reads *.prom, so the name of the unfinished file must not end like that.
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        try:
            unfinished.write_text(metrics_text(status), encoding="utf-8", errors="backslashreplace")
            unfinished.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink()
            if not self._said:
                self._said = True
                self._say(f'--metrics "{self._path}" cannot be written: {error.strerror}: the run continues without it')

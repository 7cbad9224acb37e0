"""Show the progress of a run on stderr.

    bar     two lines at the bottom of a terminal, erased when the run ends; the only display that imports rich
    lines   one plain line every ten seconds, for logs
    json    one JSON object per second, for programs
    none    notices only

A display reads the counters of `Progress` in its own thread, so it does not slow the run down.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol, TextIO

from bulkq.cli.display.progress_bar import frame
from bulkq.cli.display.progress_text import progress_line, progress_object, stamp
from bulkq.errors import UsageError
from bulkq.protocols import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console, RenderableType
    from rich.live import Live

    from bulkq.model import BatchResult, RunSummary
    from bulkq.policy.progress import Progress

KINDS = ("auto", "bar", "lines", "json", "none")
LINES_S = 10.0
JSON_S = 1.0
FRAMES_PER_S = 4


class Display(Observer, Protocol):
    """An observer that can be closed without a summary."""

    def close(self) -> None:
        """Clean the terminal. May be called at any time, by any thread, more than once."""
        ...


def make_progress(
    kind: str, stream: TextIO, *, environ: Mapping[str, str] | None = None, interval_s: float | None = None
) -> Display:
    """Return the display for `--progress kind` on `stream`, which is stderr.

    `auto` and `bar` are a bar on a terminal that can draw one, and lines elsewhere.
    `interval_s` replaces the interval of `lines` (10 s) or `json` (1 s).

    Raises:
        UsageError: `kind` is not one of `KINDS`.
    """
    environ = os.environ if environ is None else environ
    if kind not in KINDS:
        raise UsageError(f'--progress "{kind}" is unknown; choose from {", ".join(KINDS)}')
    if kind == "none":
        return NoticeDisplay(stream)
    if kind == "json":
        return JsonDisplay(stream, interval_s or JSON_S)
    if kind != "lines" and can_draw(stream, environ):
        return BarDisplay(stream, environ)
    return LineDisplay(stream, interval_s or LINES_S)


def can_draw(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether `stream` is a terminal that can move its cursor."""
    # FORCE_COLOR requests color, not a bar in a log file.
    return stream.isatty() and environ.get("TERM", "") not in {"", "dumb", "unknown"}


class NoticeDisplay:
    """Shows notices only. Base class of the displays that write lines."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`; errors of the stream are ignored."""
        self._stream = stream
        self._lock = threading.Lock()

    def started(self, progress: Progress) -> None:
        """Ignore the event."""

    def batch_done(self, result: BatchResult) -> None:
        """Ignore the event: the counters hold it."""

    def notice(self, text: str) -> None:
        """Write a line."""
        self._write(text)

    def finished(self, summary: RunSummary) -> None:
        """Close the display; the command prints the summary line."""
        del summary
        self.close()

    def close(self) -> None:
        """Do nothing."""

    def _write(self, line: str) -> None:
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()


class LineDisplay(NoticeDisplay):
    """Writes a line every `interval_s` seconds, from its own thread."""

    def __init__(
        self, stream: TextIO, interval_s: float = LINES_S, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Write to `stream`; `clock` is the clock of `Progress.started_s`."""
        super().__init__(stream)
        self._interval_s = interval_s
        self._clock = clock
        self._progress: Progress | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def started(self, progress: Progress) -> None:
        """Start the thread, which writes the first line after one interval."""
        self._progress = progress
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="bulkq progress", daemon=True)
            self._thread.start()

    def tick(self) -> None:
        """Write a line now."""
        if self._progress is not None:
            self._write(self._line(self._progress, self._clock(), datetime.now(UTC)))

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def _line(self, progress: Progress, now_s: float, at: datetime) -> str:
        return progress_line(progress, now_s, at)

    def _work(self) -> None:
        while not self._over.wait(self._interval_s):
            self.tick()


class JsonDisplay(LineDisplay):
    """Writes an object per interval and one at the end, each with `event`: progress, notice or finished."""

    def __init__(
        self, stream: TextIO, interval_s: float = JSON_S, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """See `LineDisplay`."""
        super().__init__(stream, interval_s, clock=clock)

    def notice(self, text: str) -> None:
        """Write the notice as an object."""
        self._write(_json({"event": "notice", "time": stamp(datetime.now(UTC)), "text": text}))

    def finished(self, summary: RunSummary) -> None:
        """Write the last counters, with status and exit code."""
        self.close()
        if self._progress is not None:
            last = progress_object(self._progress, self._clock(), datetime.now(UTC))
            self._write(_json({**last, "event": "finished", "status": summary.status, "exit": summary.exit_code}))

    def _line(self, progress: Progress, now_s: float, at: datetime) -> str:
        return _json(progress_object(progress, now_s, at))


class BarDisplay:
    """Shows two lines at the bottom of the terminal; rich redraws them four times a second and erases them at the end."""

    def __init__(
        self, stream: TextIO, environ: Mapping[str, str] | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Draw on `stream`, which is a terminal."""
        self._stream = stream
        self._environ = os.environ if environ is None else environ
        self._clock = clock
        self._progress: Progress | None = None
        self._live: Live | None = None
        self._lock = threading.Lock()

    def started(self, progress: Progress) -> None:
        """Draw the first frame."""
        self._progress = progress
        if self._live is not None:
            return
        from rich.live import Live

        self._live = Live(
            console=make_console(self._stream, self._environ),
            get_renderable=self._frame,
            refresh_per_second=FRAMES_PER_S,
            transient=True,
            redirect_stdout=False,  # stdout is data
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def batch_done(self, result: BatchResult) -> None:
        """Ignore the event: the counters hold it."""

    def notice(self, text: str) -> None:
        """Write a line above the bar."""
        with self._lock:
            if self._live is not None and self._live.is_started:
                self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
            else:
                with suppress(OSError, ValueError):
                    self._stream.write(text + "\n")
                    self._stream.flush()

    def finished(self, summary: RunSummary) -> None:
        """Erase the bar; the command prints the summary line."""
        del summary
        self.close()

    def close(self) -> None:
        """Erase the bar and show the cursor."""
        with self._lock:
            if self._live is not None and self._live.is_started:
                with suppress(OSError, ValueError):
                    self._live.stop()

    def _frame(self) -> RenderableType:
        assert self._progress is not None
        return frame(self._progress, self._clock())


def make_console(stream: TextIO, environ: Mapping[str, str]) -> Console:
    """Return the console of rich for the terminal `stream`."""
    from rich.console import Console

    forced = bool(environ.get("FORCE_COLOR")) and not environ.get("NO_COLOR")
    return Console(
        file=stream,
        force_terminal=True,
        color_system="standard" if forced else "auto",
        no_color=bool(environ.get("NO_COLOR")),
        highlight=False,
        _environ=environ,
    )


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _DataStream(io.RawIOBase):
    """A terminal stream that erases the bar before the first byte of data."""

    def __init__(self, stdout: BinaryIO, display: Display) -> None:
        self._stdout = stdout
        self._display = display

    def writable(self) -> bool:
        """Return True, as required by `io.RawIOBase`."""
        return True

    def isatty(self) -> bool:
        """Return True: the stream exists only for terminals."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Erase the bar, then write `data`; return the number of bytes written."""
        if data:
            self._display.close()
        return self._stdout.write(data)

    def flush(self) -> None:
        """Flush the underlying stream."""
        self._stdout.flush()


def data_stream(stdout: BinaryIO, display: Display) -> BinaryIO:
    """Return `stdout` for sinks. On a terminal, the bar is erased before the first row is printed."""
    if not stdout.isatty():
        return stdout
    return _DataStream(stdout, display)  # type: ignore[return-value]

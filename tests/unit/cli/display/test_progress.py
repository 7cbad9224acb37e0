"""Displays: words, timers, frames, and that they leave the terminal clean."""

from __future__ import annotations

import io
import json
import os
import pty
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bulkq.cli.display.progress import BarDisplay, JsonDisplay, LineDisplay, NoticeDisplay, data_stream, make_progress
from bulkq.cli.display.progress_text import progress_line, progress_object, rate_text
from bulkq.errors import UsageError
from bulkq.model import RunSummary, Status
from bulkq.model.counts import Counts, counts_of
from bulkq.policy.progress import Progress
from bulkq.text.durations import duration_text, latency_text

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = datetime(2026, 11, 22, 13, 5, 10, 123456, UTC)
SUMMARY = RunSummary("01kb4x", Status.OK, 0, "read", ("shop",))
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


class Terminal:
    """A real one, of which we hold both ends."""

    def __init__(self) -> None:
        """Open it."""
        self._ours, theirs = pty.openpty()
        self.stream = os.fdopen(theirs, "w")

    def seen(self) -> bytes:
        """All that was written to it."""
        self.stream.close()
        data = b""
        while True:
            try:
                piece = os.read(self._ours, 1 << 16)
            except OSError:  # Linux says EIO where others say end of file
                piece = b""
            if not piece:
                os.close(self._ours)
                return data
            data += piece


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal that is closed in any case."""
    made = Terminal()
    yield made
    made.stream.close()


def progress(**more: object) -> Progress:
    """The run of the documentation's example, 19.8 s after its start."""
    made = Progress(name="norm_phone", run="01kb4x", total=8377, counts=Counts(ok=812), in_flight=8)
    made.latencies.add(0.0879, 500)
    made.latencies.add(0.231, 312)
    for name, value in more.items():
        if name in counts_of(made.counts):
            made.counts = replace(made.counts, **{name: value})  # type: ignore[arg-type]
        else:
            setattr(made, name, value)
    return made


def test_the_line() -> None:
    """As documented; a percentile is the middle of its bucket."""
    assert progress_line(progress(), 19.8, AT) == (
        "2026-11-22T13:05:10Z norm_phone 812/8377 (9 %) 41/s p50=87ms p95=231ms ok=812 failed=0 retried=0 "
        "in_flight=8 eta=3m04s"
    )


def test_the_line_of_an_unusual_run() -> None:
    """What is not known is left out or a dash; what is wrong and what is waited for is said."""
    waits = {"waiting_for": 5001, "waiting": 812, "waiting_bytes": 1_500_000}
    line = progress_line(progress(total=None, unknown=2, state="stopping", **waits), 19.8, AT)
    assert " norm_phone 814 41/s " in line
    assert " unknown=2 " in line
    assert line.endswith("eta=- stopping, waiting for n=5001 (812 results of 1.5 MB wait behind it)")
    assert " 814 (50 %) " in progress_line(progress(total=None, fraction=0.5, unknown=2), 19.8, AT)
    assert "p50=- p95=-" in progress_line(Progress(), 0.0, AT)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.00009, "0.09ms"),
        (0.0088, "8.8ms"),
        (0.231, "231ms"),
        (9.9, "9900ms"),
        (12.34, "12.3s"),
        (184, "3m04s"),
    ],
)
def test_latencies(seconds: float | None, text: str) -> None:
    """Two or three digits that matter."""
    assert latency_text(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(45, "45s"), (184, "3m04s"), (7500, "2h05m"), (273600, "3d04h")])
def test_durations(seconds: float, text: str) -> None:
    """The two largest units."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(0, "0"), (13500.4, "13500"), (41.2, "41"), (4.12, "4.1"), (0.0213, "0.021")]
)
def test_rates(rate: float, text: str) -> None:
    """Small rates keep digits."""
    assert rate_text(rate) == text


@pytest.mark.parametrize(
    ("kind", "term", "on_terminal", "expected"),
    [
        ("auto", "xterm", True, BarDisplay),
        ("auto", "dumb", True, LineDisplay),
        ("auto", "", True, LineDisplay),
        ("auto", "xterm", False, LineDisplay),
        ("bar", "xterm", True, BarDisplay),
        ("bar", "xterm", False, LineDisplay),
        ("lines", "xterm", True, LineDisplay),
        ("json", "xterm", True, JsonDisplay),
        ("none", "xterm", True, NoticeDisplay),
    ],
)
def test_which_display(kind: str, term: str, on_terminal: bool, expected: type, terminal: Terminal) -> None:
    """Frames only where people can see them, and FORCE_COLOR does not change that."""
    stream = terminal.stream if on_terminal else io.StringIO()
    display = make_progress(kind, stream, environ={"TERM": term, "FORCE_COLOR": "1"})
    assert type(display) is expected


def test_unknown_displays() -> None:
    """The message has the choices; the environment is asked by default."""
    with pytest.raises(UsageError, match='"dots" is unknown; choose from auto, bar, lines, json, none'):
        make_progress("dots", io.StringIO())


class Signalling(io.StringIO):
    """Tells when something was written."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.written = threading.Event()

    def flush(self) -> None:
        """Called after every line."""
        if self.getvalue():
            self.written.set()


def test_lines_come_from_a_timer() -> None:
    """A thread reads the counters; closing ends it."""
    stream = Signalling()
    display = make_progress("lines", stream, interval_s=0.001)
    display.started(progress())
    display.started(progress(started_s=time.monotonic()))
    assert stream.written.wait(5)
    display.finished(SUMMARY)
    display.close()
    assert " norm_phone 812/8377 (9 %) " in stream.getvalue().splitlines()[0]
    assert not [t for t in threading.enumerate() if t.name == "bulkq progress"]


def test_lines_of_a_short_run_are_none() -> None:
    """Nothing is written before the first interval is over, but notices are."""
    stream = io.StringIO()
    display = LineDisplay(stream)
    display.tick()
    display.started(progress())
    display.notice("something to know")
    display.finished(SUMMARY)
    assert stream.getvalue() == "something to know\n"


def test_json_objects() -> None:
    """Each line is an object that says what it is."""
    stream = io.StringIO()
    display = JsonDisplay(stream, clock=lambda: 19.8)
    display.finished(SUMMARY)
    display.started(progress())
    display.tick()
    display.notice("ü")
    display.finished(SUMMARY)
    first, second, last = map(json.loads, stream.getvalue().splitlines())
    assert (first["event"], first["name"], first["total"], first["percent"]) == ("progress", "norm_phone", 8377, 9.69)
    assert (first["p95_ms"], first["eta_s"]) == (231.0, 184.5)
    assert (second["event"], second["text"]) == ("notice", "ü")
    assert (last["event"], last["status"], last["exit"]) == ("finished", "ok", 0)
    empty = io.StringIO()
    nothing = JsonDisplay(empty, clock=lambda: 0.0)
    nothing.started(Progress())
    nothing.tick()
    nothing.close()
    assert json.loads(empty.getvalue())["percent"] is None


def test_none_still_gives_notices() -> None:
    """A display that is off hides progress, not news; a stream that is gone is no error."""
    stream = io.StringIO()
    display = NoticeDisplay(stream)
    display.started(progress())
    display.notice("news")
    display.finished(SUMMARY)
    assert stream.getvalue() == "news\n"
    stream.close()
    display.notice("nobody reads this")


def test_the_bar_is_drawn_and_erased(terminal: Terminal, capfd: pytest.CaptureFixture[str]) -> None:
    """Frames while it lasts, notices above, a clean terminal at the end, nothing on stdout."""
    display = BarDisplay(terminal.stream, {"TERM": "xterm", "COLUMNS": "80"}, clock=lambda: 19.8)
    display.notice("before")
    display.started(progress(failed=1, unknown=1, waiting_for=5001))
    display.started(progress(failed=1, unknown=1, waiting_for=5001))
    display.notice("a [bracket] in between")
    display.finished(SUMMARY)
    display.close()
    seen = terminal.seen()
    assert seen.startswith(b"before\r\n")
    assert HIDE in seen
    assert seen.rindex(SHOW) > seen.rindex(HIDE)
    assert seen.endswith(b"\x1b[2K")
    assert b"814/8,377 (9 %)" in seen
    assert b"failed 1" in seen
    assert b"waiting for n=5001" in seen
    assert b"a [bracket] in between" in seen
    assert capfd.readouterr().out == ""


def test_the_bar_of_an_unknown_end(terminal: Terminal) -> None:
    """Without total and bytes there is no percentage and no time left."""
    display = BarDisplay(terminal.stream, {"TERM": "xterm", "COLUMNS": "80"}, clock=lambda: 19.8)
    display.started(progress(total=None))
    display.close()
    assert b"812  41/s  eta -" in terminal.seen()


@pytest.mark.parametrize(("environ", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"FORCE_COLOR": "1"}, True)])
def test_colors_of_the_bar(terminal: Terminal, environ: dict[str, str], colored: bool) -> None:
    """NO_COLOR leaves the bar without colors."""
    display = BarDisplay(terminal.stream, {"TERM": "xterm-256color", "COLUMNS": "80", **environ}, clock=lambda: 19.8)
    display.started(progress())
    display.close()
    assert (b"\x1b[32m" in terminal.seen()) == colored


def test_data_on_the_terminal_ends_the_bar(terminal: Terminal) -> None:
    """Rows are never printed over a bar; elsewhere stdout is left as it is."""
    display = BarDisplay(terminal.stream, {"TERM": "xterm", "COLUMNS": "80"}, clock=lambda: 19.8)
    display.started(progress())
    stdout = data_stream(terminal.stream.buffer, display)
    assert stdout.isatty()
    assert stdout.writable()
    stdout.write(b"")
    assert display._live is not None
    assert display._live.is_started
    stdout.write(b"rows\n")
    stdout.flush()
    assert not display._live.is_started
    display.notice("after")
    seen = terminal.seen()
    assert seen.index(SHOW) < seen.index(b"rows")
    memory = io.BytesIO()
    assert data_stream(memory, display) is memory


def test_a_terminal_that_is_gone(terminal: Terminal) -> None:
    """The run goes on unseen."""
    display = BarDisplay(terminal.stream, {"TERM": "xterm", "COLUMNS": "80"}, clock=lambda: 19.8)
    terminal.seen()
    display.notice("nobody reads this")
    assert "rich" in sys.modules or display._live is None


def test_the_lanes_that_were_chosen_are_shown() -> None:
    """A line and the bar have their number, an object also why; a number that was given is in the object alone."""
    chosen = progress(lanes=24, lanes_why="more brought nothing")
    assert " lanes=24 eta=" in progress_line(chosen, 19.8, AT)
    found = progress_object(chosen, 19.8, AT)
    assert (found["lanes"], found["lanes_why"]) == (24, "more brought nothing")
    given = progress(lanes=8)
    assert "lanes=" not in progress_line(given, 19.8, AT)
    assert progress_object(given, 19.8, AT)["lanes_why"] is None

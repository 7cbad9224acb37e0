"""The live page at 80, 100 and 200 columns, and its picture in the documentation."""

from __future__ import annotations

import pytest

from bulkq.cli.display.watch_history import WatchHistory
from bulkq.model import Reading
from bulkq.model.counts import UNCOUNTED, Counts
from bulkq.model.run_status import Activity, LaneStatus, RunStatus
from tests.support.watch_picture import PICTURE, draw, page_lines, texts_of, throttled_backfill
from tests.support.worker_statuses import WORKERS


@pytest.mark.parametrize("width", [80, 100, 149, 150, 200])
def test_no_line_is_too_long_and_all_fit(width: int) -> None:
    """Neither in width nor in the 24 lines of a small terminal; what matters is whole."""
    lines = page_lines(throttled_backfill(), width)
    assert max(map(len, lines)) <= width
    assert len(lines) <= 24
    text = "\n".join(lines)
    for part in (
        "throttled for 13s  lag 2.3s >= 2s (replica-1)",
        "41.2 %  eta 2h05m (1h50m to 2h30m)",
        "12,381,000 of ~30,000,000 rows",
        "2.3s of 2s  holds the run",
        "file:/run/bulkq/hold",
        "bob@ops throttle.lag 5s -> 2s",
        "the run continues",
    ):
        assert part in text


def test_a_wide_terminal_has_two_columns() -> None:
    """Throttles stand beside the numbers."""
    line = next(line for line in page_lines(throttled_backfill(), 200) if line.startswith("rate"))
    assert "lag<2s" in line


def test_a_run_without_throttles_and_without_an_end() -> None:
    """Unknown numbers are dashes; `-j auto` says why; several targets are counted."""
    history = WatchHistory()
    history.add(
        RunStatus(
            name="probe",
            activity=Activity.WAITING,
            reason="target lost, waiting",
            counts=Counts(unknown=2, changed=UNCOUNTED),
            lanes=LaneStatus(working=3, allowed=4, why="one more brought nothing"),
            targets=50,
            targets_done=7,
            batch=20,
            in_flight=80,
            workers=WORKERS,
        )
    )
    text = "\n".join(page_lines(history, 120))
    for part in (
        "eta -",
        "unknown 2",
        "changed ?",
        "3 of 4  -j auto",
        "one more brought nothing",
        "7 of 50 targets done",
        "20 sets",
        "workers   1 in use, 2 lost, 1 refused",
    ):
        assert part in text
    assert "%" not in text
    history.add(RunStatus(command="check", mode="check", done=2, total=120))
    text = "\n".join(page_lines(history, 120))
    assert "check  run" in text
    assert "2 of 120 checks" in text
    assert "check check" not in text
    assert "batch" not in text
    history.add(RunStatus(lanes=LaneStatus(working=3, allowed=2, wanted=2), targets=3))
    assert "2 of 2  -j 2  3 connected" in "\n".join(page_lines(history, 120))


def test_of_many_throttles_the_highest_loads_are_shown() -> None:
    """Fifty targets do not push the numbers off the screen."""
    history = WatchHistory()
    throttles = tuple(
        Reading(name="lag<2s", signal="lag", target=f"db{n}", value="0s", load=n / 100, reason="x" if n == 3 else None)
        for n in range(50)
    )
    history.add(RunStatus(throttles=throttles, targets=50))
    lines = page_lines(history, 80, 24)
    assert len(lines) <= 24
    text = "\n".join(lines)
    assert "lag<2s db3 " in text
    assert "lag<2s db49" in text
    assert "lag<2s db0 " not in text
    assert "more throttles with a lower load" in text


def test_the_picture_shows_the_page() -> None:
    """The committed picture has the lines of the page, and requests nothing; `python -m tests.support.watch_picture` draws it."""
    svg = PICTURE.read_text(encoding="utf-8")
    shown, drawn = (
        ["".join(line.split()) for line in lines if line and "━" not in line]  # rich leaves out blanks without a style
        for lines in (texts_of(svg), page_lines(throttled_backfill()))
    )
    assert shown == drawn
    assert "url(http" not in svg
    assert "@font-face" not in draw()


def test_long_names_and_reasons_keep_what_matters() -> None:
    """Of a path the end is shown; the reason of the lanes takes a second line rather than lose its end."""
    history = WatchHistory()
    path = "file:/var/lib/postgresql/maintenance/flags/hold"
    why = "nice=auto measures how long the transactions of others take without the run, and with it"
    history.add(
        RunStatus(lanes=LaneStatus(working=1, allowed=1, why=why), throttles=(Reading(name=path, signal="file"),))
    )
    text = "\n".join(page_lines(history, 80))
    assert "file:/var…nance/flags/hold  " in text
    assert "others take without\n          the run, and with it\n" in text
    assert path in "\n".join(page_lines(history, 300))

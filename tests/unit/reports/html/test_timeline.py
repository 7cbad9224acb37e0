"""The timeline of a run as SVG."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from bulkq.model.run_status import RunChange
from bulkq.model.timeline import RunTimeline, TimelineSample, TimelineSegment, TimelineSignal
from bulkq.reports.html.timeline import MOST_SAMPLES, render_timeline

BEGIN, LATER = "2026-11-22T13:00:00.000+00:00", "2026-11-22T15:00:00.000+00:00"
LAG = TimelineSignal("lag<2s", "db", 2.0, "seconds")
WAL = TimelineSignal("wal<20MB/s", None, 20 * 2**20, "bytes per second")


def samples(count: int, held: range = range(0), value: float | None = 1.0) -> tuple[TimelineSample, ...]:
    return tuple(
        TimelineSample(
            float(n),
            1.0,
            0.0 if n in held else 500.0,
            100,
            4,
            float(n in held),
            "lag <3s" if n in held else "",
            (value,),
        )
        for n in range(count)
    )


def segment(
    begin: str = BEGIN, count: int = 60, held: range = range(0), signal: TimelineSignal = LAG
) -> TimelineSegment:
    return TimelineSegment(begin=begin, unit="rows", signals=(signal,), samples=samples(count, held))


def parsed(page: str) -> ET.Element:
    quoted = re.sub(r"class=(\w+)", r'class="\1"', page)
    return ET.fromstring(f"<main>{quoted}</main>")


def test_sets_have_another_word() -> None:
    """Of maintenance, whose objects are counted; rows stay rows."""
    of_sets = TimelineSegment(begin=BEGIN, unit="sets", signals=(LAG,), samples=samples(60))
    assert "objects per second" in render_timeline(RunTimeline(segments=(of_sets,)), counted="objects")
    assert "rows per second" in render_timeline(RunTimeline(segments=(segment(),)), counted="objects")


@pytest.mark.parametrize("found", [None, RunTimeline(), RunTimeline(segments=(TimelineSegment(begin=BEGIN),))])
def test_without_samples_there_is_no_picture(found: RunTimeline | None) -> None:
    """A run that ended at once has no section."""
    assert render_timeline(found) == ""


def test_it_shows_rate_size_connections_and_throttles() -> None:
    """Each has a panel with its name and largest value; a limit is a dashed line."""
    page = render_timeline(RunTimeline(segments=(segment(),)))
    assert [one.text for one in parsed(page).iter("b")] == [
        "rows per second",
        "rows of a range",
        "connections",
        "lag<2s",
    ]
    assert page.count('class="limit"') == 1
    assert "at most 500" in page
    assert 'class="held"' not in page
    assert "Shaded" not in page


def test_stretches_in_which_it_was_held_are_shaded() -> None:
    """One shade for a stretch of any length, with its reason, which is text and not markup."""
    page = render_timeline(RunTimeline(segments=(segment(held=range(20, 40)),)))
    shades = [one for one in parsed(page).iter("rect") if one.get("class") == "held"]
    assert len(shades) == 4  # one in each panel
    assert (float(shades[0].get("x", "")), float(shades[0].get("width", ""))) == pytest.approx((333.3, 333.3), abs=0.2)
    assert "lag &lt;3s: 20.00 s from 20.00 s" in page
    assert "for 20.00 s in all" in page


def test_holds_one_soon_after_the_other_keep_their_reasons() -> None:
    """A number in a reason changes while it lasts; another reason is another shade."""
    whys = {
        3: "lag 2.1s >= 2s (one)",
        4: "lag 2.9s >= 2s (one)",
        5: "file /run/hold exists",
        6: "file /run/hold exists",
    }
    samples = tuple(TimelineSample(float(n), 1.0, 5.0, held=float(n in whys), why=whys.get(n, "")) for n in range(10))
    page = render_timeline(RunTimeline(segments=(TimelineSegment(begin=BEGIN, samples=samples),)))
    assert "lag 2.9s &gt;= 2s (one): 2.00 s from 3.00 s" in page
    assert "file /run/hold exists: 2.00 s from 5.00 s" in page
    assert "for 4.00 s in all: lag 2.9s &gt;= 2s (one); file /run/hold exists." in page


def test_processes_stand_one_after_the_other() -> None:
    """The time in which a killed run did not run takes no room; changes stand where they were made."""
    changes = tuple(
        RunChange(at=at, by="alice@db7", text=text)
        for at, text in (
            ("2026-11-22T13:00:30.000+00:00", "concurrency 8 -> 4"),
            ("2026-11-22T15:00:30.000+00:00", "pause"),
        )
    )
    found = RunTimeline(segments=(segment(), segment(LATER, signal=WAL)), changes=changes)
    page = render_timeline(found)
    lines = [one.get("x1", "") for one in parsed(page).iter("line") if one.get("class") == "change"]
    assert [round(float(at.rstrip("%"))) for at in lines[:2]] == [25, 75]
    assert "concurrency 8 -&gt; 4 alice@db7" in page
    assert "<h3>Changes</h3>" in page
    assert "at most 1 bytes/s" in page


def test_pieces_of_one_process_are_one() -> None:
    """The ledger keeps a process in pieces; a long one is drawn with fewer samples, and the whole time."""
    pieces = tuple(
        TimelineSegment(begin=BEGIN, samples=tuple(TimelineSample(600.0 * piece + n, 1.0, 5.5) for n in range(600)))
        for piece in range(4)
    )
    page = render_timeline(RunTimeline(segments=pieces))
    path = next(one.get("d", "") for one in parsed(page).iter("path"))
    assert path.count("H") <= MOST_SAMPLES
    assert path.count("M") == 1
    assert max(float(x) for x in re.findall(r"H([\d.]+)", path)) == 1000.0
    assert "sets per second" in page


def test_several_targets_are_named() -> None:
    """The signals of one target need no name of it; those of several have one."""
    signals = (TimelineSignal("lag<2s", "db1", 2.0, "seconds"), TimelineSignal("lag<2s", "db2", 2.0, "seconds"))
    found = TimelineSegment(begin=BEGIN, signals=signals, samples=(TimelineSample(0.0, 1.0, 5.0, values=(1.0, 1.5)),))
    assert [one.text for one in parsed(render_timeline(RunTimeline(segments=(found,)))).iter("b")][-2:] == [
        "lag<2s db1",
        "lag<2s db2",
    ]

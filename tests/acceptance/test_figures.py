"""The pages and charts show the figures of the record in `benchmarks/figures.json`, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import charts, lookup_profile, page
from benchmarks.record import describe_machine
from benchmarks.result import Result, Side, faster, share
from tests.support.documents import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

SVG = "{http://www.w3.org/2000/svg}"
FAST, SLOW = Side("bulkq", 2.0, count=100), Side("peer", 8.0, count=100)
RESULTS = [
    ("P1", faster("lookups", FAST, SLOW, at_least=3, aim=5)),
    ("P3", share("sleeps", FAST, SLOW, at_most=0.2, aim=0.1)),
    ("P10", Result("memory", Side("bulkq", 61, "MB"), None, 61, 50, at_most=90, unit=" MB")),
]


def test_the_committed_pages_show_the_record() -> None:
    """The table, the sentences and the charts are those that `python -m benchmarks charts` makes from the record."""
    made = charts.documents(charts.read(charts.RECORD), charts.read(charts.PROFILE), ROOT, charts.read(charts.AUTO))
    assert [str(path) for path, text in made.items() if (ROOT / path).read_text(encoding="utf-8") != text] == []


def test_a_record_describes_the_machine_without_a_name() -> None:
    """Processor, cores, memory and system, and nothing else."""
    assert list(describe_machine()) == ["processor", "cores", "memory_gb", "system"]


@pytest.mark.parametrize("path", [charts.RATES, charts.RATIOS], ids=str)
def test_charts_are_readable_without_seeing_them(path: Path) -> None:
    """A chart has a role, a title and a description with the figures; it has colours for dark and fits a phone."""
    tree = ET.fromstring(str(_drawings()[path]))
    title, description = tree.find(f"{SVG}title"), tree.find(f"{SVG}desc")
    assert tree.get("role") == "img"
    assert title is not None
    assert title.text
    assert description is not None
    assert "4.00" in str(description.text) or "50/s" in str(description.text)
    assert "prefers-color-scheme: dark" in str(tree.findtext(f"{SVG}style"))
    assert str(tree.get("viewBox")).split()[2] == "400"


def test_a_drawing_holds_no_program_and_no_address() -> None:
    """No scripts, no fonts and images from elsewhere."""
    for drawing in _drawings().values():
        names = {element.tag.removeprefix(SVG) for element in ET.fromstring(str(drawing)).iter()}
        assert names <= {"svg", "title", "desc", "style", "rect", "text", "line", "circle"}


def test_a_page_gets_its_parts() -> None:
    """Each part of a page is replaced; a result that falls short and a benchmark without its peer are told."""
    record: dict[str, Any] = {
        "date": "2026-11-30",
        "machine": {"processor": "Any", "cores": 2, "memory_gb": 4, "system": "Linux"},
        "versions": {"commit": "abcdef0", "earlier build": "fedcba9", "PostgreSQL": "18.1"},
        "load": 0.5,
        "rounds": 3,
        "scale": 1,
        "results": [],
        "skipped": [{"row": "P7", "reason": "connectorx is not installed"}],
    }
    text = "<!-- figures: machine -->old<!-- end -->\n<!-- figures: table -->old<!-- end -->\nkeep"
    parts = page.tabulate(record, RESULTS, {})
    filled = page.fill(text, parts)
    assert "old" not in filled
    assert filled.endswith("keep")
    assert "commit abcdef0; the earlier build is commit fedcba9" in filled
    assert "| P1 | lookups | bulkq: 2.00 s, 50/s | peer: 8.00 s, 12/s | 4.00x | at least 3x |" in filled
    assert "| 0.25, **short** | at most 0.2 |" in filled
    assert "| P10 | memory | bulkq: 61 MB |  | 61.00 MB | at most 90 MB |" in filled
    assert "- P7 was not measured: connectorx is not installed." in filled
    assert page.fill(filled, parts) == filled


def test_a_profile_is_a_table() -> None:
    """Each side has its sum and its parts, the largest first; a part that a lookup does not have is empty."""
    lookups = {
        "A": {"wall": 2.0, "client": {"read": 0.5, "other": 0.6}, "server": {"find": 1.25}},
        "B": {"wall": 1.0, "client": {"read": 0.25, "bind": 0.75}, "server": {}},
    }
    machine = {"processor": "Any", "cores": 2}
    profile = {
        "date": "2026-11-30",
        "commit": "abcdef0",
        "machine": machine,
        "load": 0.5,
        "count": 1000,
        "lookups": lookups,
    }
    lines = page.tabulate_profile(profile).splitlines()
    assert lines[3:] == [
        "| microseconds of CPU time | A | B |",
        "|---|---|---|",
        "| **client** | **1.10** | **1.00** |",
        "| bind |  | 0.75 |",
        "| read | 0.50 | 0.25 |",
        "| other | 0.60 |  |",
        "| **server** | **1.25** |  |",
        "| find | 1.25 |  |",
        "| time that passes | 2.00 | 1.00 |",
    ]


def test_a_profile_is_divided_by_what_is_at_work() -> None:
    """A sample of the client counts for its innermost frame, unless it waits or starts; one of the server for its stack."""
    client = [
        "run (bulkq/engine/lane.py:1);take (bulkq/sources/column_feed.py:2) 3",
        "main (x.py:1);run (bulkq/cli/main.py:2) 5",
        "load (<frozen importlib._bootstrap>:1);take (bulkq/sources/column_feed.py:2) 7",
    ]
    assert lookup_profile.divide_client(client) == {"read the file and cut it": 3}
    server = ["postgres\n 1 _bt_first\n 2 ExecutorRun", "postgres\n 1 malloc\n 2 InitPostgres", "postgres\n 1 malloc"]
    assert lookup_profile.divide_server(server) == {"find the key and the row (index, heap)": 1, "other": 1}


def _drawings(results: Sequence[tuple[str, Result]] = RESULTS) -> dict[Path, object]:
    return {charts.RATES: charts.draw_rates(results), charts.RATIOS: charts.draw_ratios(results)}

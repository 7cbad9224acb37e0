"""`python -m benchmarks charts [FILE.json]` draws a record of figures, and writes it into the pages that show it.

The record is what `python -m benchmarks figures --json FILE` wrote; `benchmarks/profile.json` is a profile, and `benchmarks/jauto.json`
what `python -m benchmarks jauto --json benchmarks/jauto.json` wrote.
No figure of these pages is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import page
from benchmarks.bench import ROOT
from benchmarks.result import Result, Side
from benchmarks.svg import Drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORD, PROFILE = ROOT / "benchmarks" / "figures.json", ROOT / "benchmarks" / "profile.json"
AUTO = ROOT / "benchmarks" / "jauto.json"
RATES, RATIOS = Path("docs/charts/rates.svg"), Path("docs/charts/ratios.svg")
PANELS = {
    "PostgreSQL: lookups": ("P1", "P2"),
    "PostgreSQL: updates, exactly once": ("P5",),
    "PostgreSQL: one query to CSV": ("P6",),
    "PostgreSQL: one query to Parquet": ("P7",),
    "SQLite: lookups": ("P4",),
    "DuckDB: lookups": ("P12",),
    "MariaDB: lookups": ("P12m",),
}
"""Rows of the record in each part of the chart of rates."""

MARKS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def main(arguments: Sequence[str]) -> int:
    """Write the charts and the pages."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks charts", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=RECORD, metavar="FILE", help=f"default {RECORD.name}")
    given = parser.parse_args(arguments)
    if given.file != RECORD and not given.file.exists():
        parser.error(f"{given.file} does not exist")
    for path, text in documents(read(given.file), read(PROFILE), ROOT, read(AUTO)).items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)
    return 0


def read(path: Path) -> dict[str, Any] | None:
    """A record; None if it was not measured."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def documents(
    record: dict[str, Any] | None, profile: dict[str, Any] | None, root: Path, auto: dict[str, Any] | None = None
) -> dict[Path, str]:
    """The text of every file that shows figures, by its path below `root`, where the pages are read."""
    parts = {} if profile is None else {"profile": page.tabulate_profile(profile)}
    if auto is not None:
        parts["auto"] = page.tabulate_alone(auto, _results(auto))
    charts: dict[Path, Drawing] = {}
    if record is not None:
        results = _results(record)
        charts = {RATES: draw_rates(results), RATIOS: draw_ratios(results)}
        parts |= page.tabulate(record, results, charts)
    pages = {path: page.fill((root / path).read_text("utf-8"), parts) for path in page.PAGES}
    return {path: str(drawing) for path, drawing in charts.items()} | pages


def _results(record: dict[str, Any]) -> list[tuple[str, Result]]:
    """Each with its row."""
    return [(str(row["row"]), _result(row)) for row in record["results"]]


def _result(row: dict[str, Any]) -> Result:
    values = {key: value for key, value in row.items() if key != "row"}
    sides = {key: row[key] and Side(**{**row[key], "runs": tuple(row[key]["runs"])}) for key in ("ours", "theirs")}
    return Result(**{**values, **sides})


def draw_rates(results: Sequence[tuple[str, Result]]) -> Drawing:
    """Bars of the work in a second, in parts with a scale of their own."""
    parts = []
    for heading, rows in PANELS.items():
        found = [result for row, result in results if row in rows and result.ours.count and result.theirs]
        if found:
            sides = [found[0].ours, *(result.theirs for result in found if result.theirs)]
            parts.append((heading, sorted(sides, key=lambda side: -side.rate)))
    said = (f"{heading}: {', '.join(f'{s.name} {s.rate:,.0f}/s' for s in sides)}." for heading, sides in parts)
    drawing = Drawing("Work per second: bulkq and its peers", " ".join(said))
    for heading, sides in parts:
        drawing.heading(heading, "in a second, more is better")
        for side in sides:
            share = side.rate / sides[0].rate
            drawing.bar(side.name, f"{side.rate:,.0f}", share, ours=side.name == _our_name(sides))
    drawing.note("Each part has a scale of its own.")
    return drawing


def _our_name(sides: Sequence[Side]) -> str:
    """The name of our side."""
    return next(side.name for side in sides if side.name.startswith("bulkq"))


def draw_ratios(results: Sequence[tuple[str, Result]]) -> Drawing:
    """Dots of how many times as fast bulkq is, on a logarithmic scale, with the bound of each."""
    shown = [(row, result) for row, result in results if result.theirs and result.ours.unit == "s"]
    factors = [(row, result, *_factors(result)) for row, result in shown]
    said = (f"{row} against {_name(result)}: {factor:.2f}." for row, result, factor, _ in factors)
    drawing = Drawing("Times as fast as the peer", " ".join(said))
    drawing.heading("Times as fast as the peer", "logarithmic; the upright line is the bound")
    every = [value for _, _, *values in factors for value in values]
    low = max(mark for mark in MARKS if mark <= min([1.0, *every]) or mark == MARKS[0])
    high = min(mark for mark in MARKS if mark >= max([2.0, *every]) or mark == MARKS[-1])

    def place(value: float) -> float:
        at = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return min(1.0, max(0.0, at))

    for row, result, factor, limit in factors:
        drawing.dot(f"{row}  {_name(result)}", f"{factor:.2f}x", place(factor), place(limit), middle=place(1))
    drawing.axis({f"{mark:g}x": place(mark) for mark in MARKS if low <= mark <= high})
    return drawing


def _factors(result: Result) -> tuple[float, float]:
    """How many times as fast it is, and shall be."""
    if result.at_least is not None:
        return result.ratio, result.at_least
    return 1 / result.ratio, 1 / (result.at_most or 1)


def _name(result: Result) -> str:
    return result.theirs.name if result.theirs else ""

"""`python -m benchmarks [NAME ...]` measures bulkq beside its peers: whole processes, in turn, median of three.

It prints one line for each comparison: both sides, the ratio, and its bound. NAME is a benchmark, `figures` for those of
the documentation, or one case of `outliers`, `jauto` or `throttle`. `python -m benchmarks charts FILE` draws the figures of a file.

It needs no network and no server: without `--postgres` it starts one as the tests do. If a peer is not installed, the line
says so. Nothing here is a test: a ratio is reported, nothing times out.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import charts, record
from benchmarks.backfill import backfill
from benchmarks.bench import Bench
from benchmarks.checks import checks
from benchmarks.jauto import CASES as JAUTO
from benchmarks.jauto import jauto
from benchmarks.maintain import maintain
from benchmarks.outliers import CASES, outliers
from benchmarks.parquet import parquet_export
from benchmarks.postgres import bulk_export, latency_bound, ledger_cost, lookups, tutorial, updates
from benchmarks.process import flat_memory, peak_memory, startup
from benchmarks.result import Broken, Result, Skipped
from benchmarks.sqlite import fan_out, sqlite_lookups
from benchmarks.threads import duckdb_lookups, mariadb_lookups
from benchmarks.throttle import CASES as THROTTLE
from benchmarks.throttle import throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Benchmark = Callable[[Bench], Result | Sequence[Result | Skipped]]

BENCHMARKS: dict[str, Benchmark] = {
    "P1": lookups,
    "P2": tutorial,
    "P3": latency_bound,
    "P4": sqlite_lookups,
    "P5": updates,
    "P6": bulk_export,
    "P7": parquet_export,
    "P8": backfill,
    "P9": flat_memory,
    "P10": peak_memory,
    "P11": startup,
    "P12": duckdb_lookups,
    "P12m": mariadb_lookups,
    "P13": fan_out,
    "checks": checks,
    "jauto": jauto,
    "ledger": ledger_cost,
    "maintain": maintain,
    "outliers": outliers,
    "throttle": throttle,
}
FIGURES = (
    *("P1", "P2", "P4", "P6", "P9", "P10", "P11", "P12", "P7", "P3"),
    *("checks", "outliers-reads", "P12m", "P5", "ledger", "P13"),
)
"""The benchmarks of the documentation. P9 and P10 come before those that make this process large."""

MINUTES = 9
"""After which `figures` starts no further benchmark: it takes ten at most."""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that are named, all by default.

    Returns:
        1 if a bound does not hold or a side does not work.
    """
    if arguments[:1] == ["charts"]:
        return charts.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--postgres", metavar="URL", help="a server to use; its own database is dropped at the end")
    parser.add_argument("--pg", choices=("docker", "wheel", "local"), help="force where the server comes from")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the work, for a quick look (default 1.0)")
    parser.add_argument("--baseline", type=Path, metavar="PATH", help="a virtual environment with an earlier build")
    parser.add_argument(
        "--baseline-commit", default="a9bb2df", metavar="COMMIT", help="commit of the earlier build (default a9bb2df)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for the results, the machine and the versions")
    parser.add_argument(
        "--minutes",
        type=float,
        help=f"start no benchmark after this time (default: {MINUTES} of figures, else no limit)",
    )
    given = parser.parse_args(arguments)
    known = {**BENCHMARKS, **CASES, **JAUTO, **THROTTLE}
    names = [one for name in given.names or BENCHMARKS for one in (FIGURES if name == "figures" else (name,))]
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}: choose from figures, {', '.join(known)}")
    if given.baseline is not None and not (given.baseline / "bin" / "bulkq").exists():
        parser.error(f"--baseline: {given.baseline / 'bin' / 'bulkq'} does not exist")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers and folders are removed
    with Bench(
        postgres=given.postgres, source=given.pg, rounds=given.rounds, scale=given.scale, baseline=given.baseline
    ) as bench:
        kept = record.Record(bench, given.baseline_commit)
        minutes = given.minutes or (MINUTES if "figures" in given.names else float("inf"))
        end_s = time.monotonic() + 60 * minutes
        for name in names:
            _measure(kept, name, known[name], late=time.monotonic() > end_s)
            if given.json is not None:
                kept.write(given.json)
    return 1 if kept.short else 0


def _measure(kept: record.Record, name: str, benchmark: Benchmark, *, late: bool) -> None:
    """Run one benchmark, print and record what it gives."""
    found: Result | Skipped | Broken | Sequence[Result | Skipped]
    try:
        found = Skipped("the time is over (--minutes)") if late else benchmark(kept.bench)
    except (Skipped, Broken) as reason:
        found = reason
    for result in [found] if isinstance(found, (Result, Skipped, Broken)) else found:
        print(f"{name:6} {kept.add(name, result)}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

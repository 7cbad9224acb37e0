"""`python -m benchmarks [P1 P2 ...]` prints one line each: both sides, the ratio, and what it should be.

Needs no network and no server: without `--postgres` it starts one as the tests do. A peer that is not installed is
skipped, and the line says so. Nothing here is a test: a ratio is reported, nothing times out.
"""

from __future__ import annotations

import argparse

from benchmarks.bench import Bench, Broken, Skipped
from benchmarks.checks import checks
from benchmarks.outliers import CASES, outliers
from benchmarks.postgres import bulk_export, latency_bound, ledger_cost, lookups, tutorial, updates
from benchmarks.process import flat_memory, peak_memory, startup
from benchmarks.sqlite import fan_out, sqlite_lookups
from benchmarks.threads import duckdb_lookups, mariadb_lookups

BENCHMARKS = {
    "P1": lookups,
    "P2": tutorial,
    "P3": latency_bound,
    "P4": sqlite_lookups,
    "P5": updates,
    "P6": bulk_export,
    "P9": flat_memory,
    "P10": peak_memory,
    "P11": startup,
    "P12": duckdb_lookups,
    "P12m": mariadb_lookups,
    "P13": fan_out,
    "checks": checks,
    "ledger": ledger_cost,
    "outliers": outliers,
}


def main() -> int:
    """Run the benchmarks that were named, all by default; 1 when one fell short or did not work."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--postgres", metavar="URL", help="a server to use; it gets a database and loses it again")
    parser.add_argument("--pg", choices=("docker", "wheel", "local"), help="force where the server comes from")
    parser.add_argument("--rounds", type=int, default=3, help="of each side, in turn; the median counts (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the work, for a quick look (default 1.0)")
    given = parser.parse_args()
    known = BENCHMARKS | CASES
    unknown = [name for name in given.names if name not in known]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; there are {', '.join(known)}")
    short = 0
    with Bench(postgres=given.postgres, source=given.pg, rounds=given.rounds, scale=given.scale) as bench:
        for name in given.names or BENCHMARKS:
            try:
                found = known[name](bench)
            except Skipped as reason:
                print(f"{name:6} skipped: {reason}", flush=True)
                continue
            except Broken as reason:
                print(f"{name:6} BROKEN: {reason}", flush=True)
                short += 1
                continue
            for result in found if isinstance(found, list) else [found]:
                print(f"{name:6} {result}", flush=True)
                short += not result.reached
    return 1 if short else 0


if __name__ == "__main__":
    raise SystemExit(main())

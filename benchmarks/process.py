"""P9, P10, P11: what the process itself takes: memory and start-up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, program
from benchmarks.postgres import bulkq_lookups
from benchmarks.result import EARLIER, OURS, Cost, Result, Side, Skipped, megabytes, share

if TYPE_CHECKING:
    from collections.abc import Iterable

MANY = 3_000_000
FEW = 50_000
STARTS = 20


def flat_memory(bench: Bench) -> Result:
    """P9: peak memory of many parameter sets, against that of few."""
    many, few = bench.scaled(MANY), min(FEW, bench.scaled(MANY))
    ours, theirs = _peaks(bench, many)[OURS], _peaks(bench, few, builds=(OURS,))[OURS]
    work = "peak memory of many sets against few"
    return share(work, megabytes(f"{many:,} sets", ours), megabytes(f"{few:,} sets", theirs), at_most=1.15, aim=1.05)


def peak_memory(bench: Bench) -> list[Result | Skipped]:
    """P10: peak memory of many parameter sets, in itself and against the earlier build."""
    many = bench.scaled(MANY)
    peaks, work = _peaks(bench, many), f"peak memory of {many:,} sets"
    ours = megabytes(OURS, peaks[OURS])
    found: list[Result | Skipped] = [Result(work, ours, None, ours.value, 90, at_most=150, unit=" MB")]
    if EARLIER in peaks:
        found.append(share(work, ours, megabytes(EARLIER, peaks[EARLIER]), at_most=1.1, aim=1.0))
    return found


def startup(bench: Bench) -> list[Result | Skipped]:
    """P11: `bulkq --help`, against the import of Click and the earlier build. The best of many: the rest is noise."""
    commands = {build: [*words, "--help"] for build, words in bench.builds.items()}
    commands |= {"--version": [*program(), "--version"], "click": [sys.executable, "-c", "import click"]}
    best_ms = dict.fromkeys(commands, float("inf"))
    for _ in range(STARTS):
        for name, command in commands.items():
            best_ms[name] = min(best_ms[name], 1000 * bench.timed(command).wall_s)
    worse = max((OURS, "--version"), key=lambda name: best_ms[name])
    ours = Side(f"bulkq {'--help' if worse == OURS else worse}", best_ms[worse], "ms")
    click = Side("import click", best_ms["click"], "ms")
    found: list[Result | Skipped] = [share("start of the program", ours, click, at_most=1.6, aim=1.2)]
    if EARLIER in best_ms:
        now, earlier = Side("bulkq --help", best_ms[OURS], "ms"), Side(EARLIER, best_ms[EARLIER], "ms")
        found.append(share("start of the program", now, earlier, at_most=1.1, aim=1.0))
    return found


def _peaks(bench: Bench, count: int, builds: Iterable[str] = ()) -> dict[str, Cost]:
    """Runs of `count` lookups by build, the one in the middle by its peak. P9 and P10 share the runs."""
    # Linux counts a child's memory from the fork on, so a peak below this process's own size would not be seen:
    # nothing large is kept here.
    if count not in bench.peaks:
        bench.peaks[count] = bench.in_turn(
            {build: bulkq_lookups(bench, count, build=build) for build in builds or bench.builds}
        )
    return bench.peaks[count]

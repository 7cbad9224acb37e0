"""P9, P10, P11: what the process itself takes: memory and start-up."""

from __future__ import annotations

import sys

from benchmarks.bench import Bench, Cost, Result, program

MANY = 3_000_000
FEW = 50_000
STARTS = 20


def flat_memory(bench: Bench) -> Result:
    """P9: peak memory of many parameter sets, against that of few."""
    many, few = bench.scaled(MANY), min(FEW, bench.scaled(MANY))
    ours, theirs = _peak(bench, many), _peak(bench, few)
    return Result(
        ours=f"{many:,} sets: {_megabytes(ours):.1f} MB",
        theirs=f"{few:,} sets: {_megabytes(theirs):.1f} MB",
        ratio=ours.peak_bytes / theirs.peak_bytes,
        at_most=1.15,
        aim=1.05,
    )


def peak_memory(bench: Bench) -> Result:
    """P10: peak memory of many parameter sets, in itself."""
    many = bench.scaled(MANY)
    cost = _peak(bench, many)
    return Result(
        ours=f"{many:,} sets: {_megabytes(cost):.1f} MB in {cost.wall_s:.1f} s",
        theirs="absolute",
        ratio=_megabytes(cost),
        unit=" MB",
        at_most=150,
        aim=90,
    )


def startup(bench: Bench) -> Result:
    """P11: `bulkq --help` and `--version`, against the import of Click. The best of many: the rest is noise."""
    commands = {
        "--help": [*program(), "--help"],
        "--version": [*program(), "--version"],
        "click": [sys.executable, "-c", "import click"],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(STARTS):
        for name, command in commands.items():
            best[name] = min(best[name], bench.timed(command).wall_s)
    worse = max(best["--help"], best["--version"])
    return Result(
        ours=f"--help {1000 * best['--help']:.0f} ms, --version {1000 * best['--version']:.0f} ms",
        theirs=f"import click: {1000 * best['click']:.0f} ms",
        ratio=worse / best["click"],
        at_most=1.6,
        aim=1.2,
    )


def _peak(bench: Bench, count: int) -> Cost:
    """Runs of `count` lookups, the one in the middle by its peak; P10 takes that of P9 where both are asked for."""
    # Linux counts a child's memory from the fork on, so a peak below this process's own size would not be seen:
    # nothing large is kept here.
    if count not in bench.peaks:
        output, ids = bench.folder / "memory.jsonl", bench.ids(count)
        sql = "select id, name from items where id = :id"
        command = bench.bulkq("-e", sql, "-t", bench.url, "-p", ids, "-o", output, "-j", "8")
        costs = [bench.timed(command, output=output, lines=count) for _ in range(bench.rounds)]
        bench.peaks[count] = sorted(costs, key=lambda cost: cost.peak_bytes)[len(costs) // 2]
        output.unlink()
    return bench.peaks[count]


def _megabytes(cost: Cost) -> float:
    return cost.peak_bytes / 1_000_000

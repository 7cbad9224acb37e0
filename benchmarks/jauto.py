"""jauto: `-j auto` after ten seconds, against the best number of a sweep. `python -m benchmarks jauto-sleeps` repeats one case.

The sweep finds the two best numbers. Then auto, each of both and the default run in turn, so that a shared machine weighs on all of them.
A database in the process is measured by processor time, which other programs change little: all of the work is there.
"""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from benchmarks.bench import ITEMS, Bench, program
from benchmarks.result import OURS, Broken, Result, Side, faster, share, timed
from benchmarks.sqlite import fill_items
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Callable

SWEEP = (1, 2, 4, 8, 16, 32, 64)
FOUND_S = 10.0
"""After this time the number of auto is to be found. All sides are measured from then on."""

DEFAULT = 8
"""Lanes of a run without `-j`."""

STARTED_S = 2.0
"""After this time a fixed number of the sweep has its lanes."""

MEASURED_S = 8.0
SWEPT_S = 4.0
SHORT = 1_000

SLEEPS = "select :i::int as i from pg_sleep(0.02)"
CALCULATES = "select sum(n) + :i::int as total from generate_series(1, 20000) n"
MIXED = (
    f"select name, (select sum(n) from generate_series(1, case when :i::int % 10 = 1 then 20000 else 1 end) n) "
    f"from items, pg_sleep(case when :i::int % 10 = 0 then 0.05 else 0 end) where id = 1 + :i::int % {ITEMS}"
)
LOOKUP = f"select id, name from items where id = 1 + cast(:i as integer) % {ITEMS}"
LIMIT = 10
IN_PROCESS = "sqlite:"


@dataclass(frozen=True, slots=True)
class Measured:
    """The sets of a run in the measured time, the lanes and the load average at its end. For SQLite: in all of its processor time."""

    sets: int
    seconds: float
    lanes: int
    load: float

    @property
    def rate(self) -> float:
        """Sets in a second of it."""
        return self.sets / self.seconds


def jauto(bench: Bench) -> list[Result]:
    """Every case."""
    return [result for case in CASES.values() for result in case(bench)]


def sleeps(bench: Bench) -> list[Result]:
    """Queries that wait for 20 ms."""
    return _compare(bench, "sleeps of 20 ms", SLEEPS, bench.url)


def calculates(bench: Bench) -> list[Result]:
    """Queries that need a processor."""
    return _compare(bench, "sums of 20,000 numbers", CALCULATES, bench.url)


def limited(bench: Bench) -> list[Result]:
    """A role with ten connections."""
    role = f"bulkq_{uuid4().hex[:8]}"
    servers.execute(bench.url, f"create role {role} login password '{role}' connection limit {LIMIT}")
    try:
        parts = urlsplit(bench.url)
        place = parts.netloc.rpartition("@")[2]
        url = urlunsplit(parts._replace(netloc=f"{role}:{role}@{place}"))
        return _compare(bench, f"sleeps of 20 ms, {LIMIT} connections", SLEEPS, url, (4, 8, LIMIT))
    finally:
        servers.execute(bench.url, f"drop role {role}")


def sqlite(bench: Bench) -> list[Result]:
    """Lookups in a file."""
    return _compare(
        bench, "lookups, SQLite", LOOKUP, f"{IN_PROCESS}///{fill_items(bench.folder / 'items.db')}", (1, 2, 8)
    )


def mixed(bench: Bench) -> list[Result]:
    """Of ten queries, eight are lookups, one waits for 50 ms, and one calculates."""
    return _compare(bench, "lookups, sleeps and sums", MIXED, bench.url)


def short(bench: Bench) -> list[Result]:
    """A run that is over before anything is found, as a whole process, against the default."""
    arguments = ("-e", LOOKUP, "-t", bench.url, "-p", f"range:i=1..{SHORT}", "--format", "none")
    sides = {j: bench.bulkq(*arguments, "-j", j) for j in ("auto", "8")}
    cost = bench.in_turn({j: partial(bench.timed, command) for j, command in sides.items()})
    return [share(f"{SHORT:,} lookups", timed("-j auto", cost["auto"]), timed("-j 8", cost["8"]), at_most=1.1, aim=1.0)]


CASES: dict[str, Callable[[Bench], list[Result]]] = {
    "jauto-sleeps": sleeps,
    "jauto-calculates": calculates,
    "jauto-limited": limited,
    "jauto-sqlite": sqlite,
    "jauto-mixed": mixed,
    "jauto-short": short,
}


def _compare(bench: Bench, work: str, sql: str, url: str, sweep: tuple[int, ...] = SWEEP) -> list[Result]:
    """Compare auto with the better one of the best two of the sweep, and with the default."""
    swept = {lanes: _measure(bench, sql, url, str(lanes), STARTED_S, SWEPT_S * bench.scale) for lanes in sweep}
    best = sorted(swept, key=lambda lanes: -swept[lanes].rate)[:2]
    found: dict[str, list[Measured]] = {j: [] for j in ("auto", *map(str, dict.fromkeys((*best, DEFAULT))))}
    for number in range(bench.rounds):
        for j in list(found) if number % 2 == 0 else reversed(found):
            found[j].append(_measure(bench, sql, url, j, FOUND_S, MEASURED_S * bench.scale))
    sides = {j: _side(j, every) for j, every in found.items()}
    ours = sides.pop("auto")
    first = max(sides.values(), key=lambda side: side.rate)
    return [
        faster(work, ours, first, at_least=0.9, aim=1.0),
        faster(f"{work}: the default", ours, sides[str(DEFAULT)], at_least=0.95, aim=1.0),
    ]


def _side(j: str, every: list[Measured]) -> Side:
    """The run with the median rate. The load average is that of the machine, and most of it is the side's own."""
    middle = statistics.median_low(every_one.rate for every_one in every)
    one = next(measured for measured in every if measured.rate == middle)
    name = f"{OURS} -j {j}" + (f" ({', '.join(str(measured.lanes) for measured in every)})" if j == "auto" else "")
    runs = tuple(measured.seconds for measured in every)
    return Side(name, one.seconds, count=one.sets, runs=runs, note=f"load {one.load:.1f}")


def _measure(bench: Bench, sql: str, url: str, j: str, after_s: float, seconds: float) -> Measured:
    """Run for `after_s` and `seconds`, of which the last count."""
    arguments = ["run", "-e", sql, "-t", url, "-p", "range:i=1..1000000000", "-j", j, "--format", "none"]
    limits = ["--ledger", "none", "--progress", "json", "--deadline", f"{after_s + seconds:g}s"]
    cost = bench.timed([*program(), *arguments, *limits], says="failed=0 unknown=0", code=5)
    lines = (bench.folder / "said.log").read_text().splitlines()
    seen = [one for one in map(_object, lines) if one.get("event") == "progress" and one["rate"]]
    times = [one["done"] / one["rate"] for one in seen]
    begin = next((place for place, time_s in enumerate(times) if time_s >= after_s - 0.5), None)
    if begin is None or begin == len(seen) - 1:
        raise Broken(f"-j {j} showed its progress {len(seen)} times")
    if url.startswith(IN_PROCESS):
        return Measured(seen[-1]["done"], cost.cpu_s, seen[-1]["lanes"], os.getloadavg()[0])
    sets = seen[-1]["done"] - seen[begin]["done"]
    return Measured(sets, times[-1] - times[begin], seen[-1]["lanes"], os.getloadavg()[0])


def _object(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
    return found

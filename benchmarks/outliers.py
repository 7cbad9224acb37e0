"""outliers: fast queries with a few slow ones among them. Order costs no time, neither against `--unordered` nor the recipe.

Each side times itself, from its first query to its end, so the start of the program does not count; whole processes are beside it.
`python -m benchmarks outliers-writes` repeats one case.
"""

from __future__ import annotations

import re
import sqlite3
import statistics
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, program
from benchmarks.result import OURS, Cost, Result, Side, Skipped, share
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Starter = Callable[[Bench, "Case", Path], Callable[[], Cost]]

FAST_S = 0.005
SLOW_S = 1.0
COUNT = 3_000
EVERY = 100
LANES = 8

READ = "select {n} as n from pg_sleep({cost})"
WRITE = "insert into done select {n} from pg_sleep({cost})"
CHECK = "-- name: slow\n-- @params {sets}\nselect :n::int as n from pg_sleep(:cost::float8) where :n::int < 0;\n"
BURN = "with recursive c(i) as (select 1 union all select i + 1 from c where i < {cost}) select {n} as n from c where i = {cost}"

AT_MOST_UNORDERED = 1.05
AT_MOST_RECIPE = 0.95
AT_MOST_RECIPE_ONE = 1.0
"""The one slow read takes as long on both sides."""


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    Attributes:
        sets: (n, cost) of each query; a cost is seconds, for SQLite steps.
        lines: rows of the output; None: there is none.
        failed: sets that time out.
        at_most: share of the recipe's time.
    """

    name: str
    kind: str
    url: str
    place: str
    ours: str
    theirs: str
    sets: Sequence[tuple[int, float]]
    options: tuple[str, ...] = ()
    lanes: int = LANES
    timeout_s: float = 30.0
    write: bool = False
    failed: int = 0
    at_most: float = AT_MOST_RECIPE


def outliers(bench: Bench) -> list[Result]:
    """Every case, each with two results: against `--unordered` and against the recipe."""
    return [result for case in CASES for result in CASES[case](bench)]


def reads(bench: Bench) -> list[Result]:
    """3,000 reads of 5 ms of which every hundredth takes a second."""
    return _compared(bench, _postgres(bench, "reads", _every(bench, EVERY, SLOW_S)))


def one(bench: Bench) -> list[Result]:
    """One read of 10 s among 3,000 of 10 ms."""
    count = bench.scaled(COUNT)
    sets = [(n, 10.0 if n == count // 6 else 0.01) for n in range(1, count + 1)]
    return _compared(bench, replace(_postgres(bench, "one", sets), at_most=AT_MOST_RECIPE_ONE))


def writes(bench: Bench) -> list[Result]:
    """The reads as writes without output."""
    servers.execute(bench.url, "create table if not exists done (n int)")
    return _compared(bench, _postgres(bench, "writes", _every(bench, EVERY, SLOW_S), write=True))


def timeouts(bench: Bench) -> list[Result]:
    """2,000 reads of 5 ms of which every fiftieth hangs until its timeout of a second."""
    sets = _every(bench, 50, 100.0, 2_000)
    case = _postgres(bench, "timeouts", sets, timeout_s=1.0, failed=sum(cost > 1 for _, cost in sets))
    return _compared(bench, case)


def threads(bench: Bench) -> list[Result]:
    """The reads through psycopg2, on threads."""
    try:
        import psycopg2  # noqa: F401
    except ImportError:
        raise Skipped("psycopg2 is not installed") from None
    case = _postgres(bench, "threads", _every(bench, EVERY, SLOW_S), kind="psycopg2")
    return _compared(bench, case)


def sqlite(bench: Bench) -> list[Result]:
    """SQLite with four lanes: 600 reads of 5 ms, of which every fiftieth takes 0.25 s. It has no sleep, so they compute."""
    path = bench.folder / "outliers.db"
    sqlite3.connect(path).close()
    began_s = time.perf_counter()
    sqlite3.connect(path).execute(BURN.format(n=1, cost=1_000_000)).fetchall()
    steps = 1_000_000 / (time.perf_counter() - began_s)
    count = bench.scaled(600)
    sets = [(n, int(steps * (0.25 if n % 50 == 0 else FAST_S))) for n in range(1, count + 1)]
    cast = BURN.format(n="cast(:n as integer)", cost="cast(:cost as integer)")
    return _compared(bench, Case("sqlite", "sqlite3", f"sqlite:///{path}", str(path), cast, cast, sets, lanes=4))


def checked(bench: Bench) -> list[Result]:
    """The reads as one check per set; checks have no order, so only the recipe is a peer."""
    case = _postgres(bench, "checks", _every(bench, EVERY, SLOW_S))
    return _measured(bench, case, {"ordered": _check, "recipe": _recipe})


CASES: dict[str, Callable[[Bench], list[Result]]] = {
    "outliers-reads": reads,
    "outliers-one": one,
    "outliers-writes": writes,
    "outliers-timeouts": timeouts,
    "outliers-checks": checked,
    "outliers-threads": threads,
    "outliers-sqlite": sqlite,
}


def _every(bench: Bench, every: int, slow_s: float, count: int = COUNT) -> list[tuple[int, float]]:
    return [(n, slow_s if n % every == 0 else FAST_S) for n in range(1, bench.scaled(count) + 1)]


def _postgres(
    bench: Bench,
    name: str,
    sets: list[tuple[int, float]],
    *,
    kind: str = "asyncpg",
    timeout_s: float = 30.0,
    write: bool = False,
    failed: int = 0,
) -> Case:
    sql = WRITE if write else READ
    url = bench.url if kind == "asyncpg" else bench.url.replace("postgresql://", f"postgresql+{kind}://", 1)
    theirs = ("$1::int", "$2::float8") if kind == "asyncpg" else ("%(n)s", "%(cost)s")
    return Case(
        name,
        kind,
        url,
        bench.url,
        sql.format(n=":n::int", cost=":cost::float8"),
        sql.format(n=theirs[0], cost=theirs[1]),
        sets,
        timeout_s=timeout_s,
        write=write,
        failed=failed,
    )


def _compared(bench: Bench, case: Case) -> list[Result]:
    return _measured(bench, case, {"ordered": _bulkq, "unordered": _unordered, "recipe": _recipe})


def _measured(bench: Bench, case: Case, sides: dict[str, Starter]) -> list[Result]:
    sets = _file(bench, case)
    took_s: dict[str, list[float]] = {name: [] for name in sides}

    def timed(name: str, work: Callable[[], Cost]) -> Cost:
        cost = work()
        (found,) = re.findall(r"\belapsed=([\d.]+)", (bench.folder / "said.log").read_text())
        took_s[name].append(float(found))
        return cost

    cost = bench.in_turn({name: partial(timed, name, side(bench, case, sets)) for name, side in sides.items()})
    sides_took = {name: _side(SIDES[name], cost[name], took_s[name], case) for name in sides}
    bounds = {"recipe": case.at_most, "unordered": AT_MOST_UNORDERED}
    work = f"{len(case.sets):,} queries with slow ones among them: {case.name}"
    return [
        share(work, sides_took["ordered"], sides_took[peer], at_most=bound, aim=0.9 if peer == "recipe" else 1.0)
        for peer, bound in bounds.items()
        if peer in sides
    ]


SIDES = {"ordered": OURS, "unordered": "--unordered", "recipe": "a task per query"}


def _side(name: str, cost: Cost, took_s: list[float], case: Case) -> Side:
    return Side(
        name, statistics.median(took_s), runs=tuple(took_s), note=f"-j {case.lanes}, {cost.wall_s:.2f} s in all"
    )


def _file(bench: Bench, case: Case) -> Path:
    path = bench.folder / f"outliers-{case.name}.csv"
    path.write_text("n,cost\n" + "".join(f"{n},{cost}\n" for n, cost in case.sets))
    return path


def _bulkq(bench: Bench, case: Case, sets: Path, *more: str) -> Callable[[], Cost]:
    output = None if case.write else bench.folder / f"{case.name}.jsonl"
    where = ("-e", case.ours, "-t", case.url, "-p", sets, "-j", str(case.lanes), "--timeout", f"{case.timeout_s:g}s")
    target = ("--write",) if output is None else ("-o", output)
    ledger = ("--ledger", bench.folder / "ledger.db")
    command = bench.bulkq(*where, *target, *ledger, *more)
    says = f"ok={len(case.sets) - case.failed} failed={case.failed} unknown=0 "
    lines = 0 if output is None else len(case.sets) - case.failed
    return lambda: bench.timed(command, says=says, output=output, lines=lines, code=1 if case.failed else 0)


def _unordered(bench: Bench, case: Case, sets: Path) -> Callable[[], Cost]:
    return _bulkq(bench, case, sets, "--unordered")


def _check(bench: Bench, case: Case, sets: Path) -> Callable[[], Cost]:
    folder = bench.folder / case.name
    folder.mkdir(exist_ok=True)
    (folder / "slow.sql").write_text(CHECK.format(sets=sets))
    command = [*program(), "check", str(folder), "-t", case.url, "-j", str(case.lanes), "--progress", "none"]
    command += ["--ledger", str(bench.folder / "ledger.db")]
    return lambda: bench.timed(command, says=f"ok={len(case.sets)} failed=0 unknown=0 ")


def _recipe(bench: Bench, case: Case, sets: Path) -> Callable[[], Cost]:
    output = bench.folder / f"{case.name}-recipe.jsonl"
    numbers = (str(case.lanes), str(case.timeout_s))
    command = [sys.executable, "-m", "benchmarks.recipe", case.kind, case.place, str(sets), str(output), *numbers]
    lines = 0 if case.write else len(case.sets) - case.failed
    return lambda: bench.timed([*command, case.theirs], output=output, lines=lines)

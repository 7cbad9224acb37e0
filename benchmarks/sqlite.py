"""P4 and P13: SQLite against a plain loop, and many databases against a loop of the shell."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
import sys
from typing import TYPE_CHECKING

from benchmarks.bench import ITEMS, Bench
from benchmarks.result import OURS, Cost, Result, Skipped, faster, timed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SQL = "select id, name from items where id = :id"


def sqlite_lookups(bench: Bench) -> list[Result | Skipped]:
    """P4: lookups from CSV to CSV, against a loop over the standard library's sqlite3, and against the earlier build."""
    count = bench.scaled(300_000)
    work = f"{count:,} lookups, SQLite, CSV to CSV"
    database, ids = fill_items(bench.folder / "items.db"), bench.ids(count)
    theirs = bench.folder / "loop.csv"
    loop = [sys.executable, "-m", "benchmarks.loop", str(database), str(ids), str(theirs)]

    def ours(build: str) -> Callable[[], Cost]:
        output = bench.folder / "ours.csv"
        command = bench.bulkq("-e", SQL, "-t", f"sqlite:///{database}", "-p", ids, "-o", output, build=build)
        return lambda: bench.timed(command, output=output, lines=count + 1)

    sides = {build: ours(build) for build in bench.builds}
    cost = bench.in_turn({**sides, "loop": lambda: bench.timed(loop, output=theirs, lines=count + 1)})
    side, peer = timed(OURS, cost[OURS], count), timed("sqlite3 in a loop", cost["loop"], count)
    return [
        faster(work, side, peer, at_least=1.9, aim=2.3),
        bench.against_earlier(work, cost, count, at_least=0.95, aim=1.2),
    ]


def fan_out(bench: Bench) -> Result:
    """P13: one query on a hundred databases, against `sqlite3` in a loop of the shell."""
    shell, count = shutil.which("sqlite3"), bench.scaled(100)
    if shell is None:
        raise Skipped("sqlite3 is not installed")
    folder, groups = bench.folder / "fleet", 7
    folder.mkdir(exist_ok=True)
    databases = [_shard(folder / f"shard-{i:03}.db") for i in range(count)]
    ours, theirs = bench.folder / "fleet.csv", bench.folder / "loop.csv"
    targets = [word for path in databases for word in ("-t", f"sqlite:///{path}")]
    run = bench.bulkq("-e", FLEET_SQL, *targets, "-o", ours)
    loop = f"for f in {shlex.quote(str(folder))}/*.db; do {shell} -csv $f {shlex.quote(FLEET_SQL)}; done > {shlex.quote(str(theirs))}"
    cost = bench.in_turn(
        {
            "bulkq": lambda: bench.timed(run, output=ours, lines=count * groups + 1),
            "loop": lambda: bench.timed(["sh", "-c", loop], output=theirs, lines=count * groups),
        }
    )
    ours_side, theirs_side = timed(OURS, cost["bulkq"]), timed("sqlite3 in a shell loop", cost["loop"])
    return faster(f"one query on {count} SQLite files", ours_side, theirs_side, at_least=0.7, aim=1.2)


FLEET_SQL = "select balance % 7 as day, count(*) as n, sum(balance) as total, max(name) as last from items group by 1 order by 1"
SHARD_ROWS = 50_000


def _shard(path: Path) -> Path:
    if not path.exists():
        connection = sqlite3.connect(path)
        connection.execute("create table items (id integer primary key, name text not null, balance integer not null)")
        connection.executemany(
            "insert into items values (?, ?, ?)", ((i, f"item {i}", i % 1000) for i in range(1, SHARD_ROWS + 1))
        )
        connection.commit()
        connection.close()
    return path


def fill_items(path: Path) -> Path:
    """Create a database with the table `items`, if it does not exist."""
    if not path.exists():
        connection = sqlite3.connect(path)
        connection.execute("create table items (id integer primary key, name text not null, balance integer not null)")
        rows = ((i, f"item {i}", i % 1000) for i in range(1, ITEMS + 1))
        connection.executemany("insert into items values (?, ?, ?)", rows)
        connection.commit()
        connection.close()
    return path

"""P4: SQLite against a plain loop."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

from benchmarks.bench import ITEMS, Bench, Result, rate

if TYPE_CHECKING:
    from pathlib import Path

SQL = "select id, name from items where id = :id"


def sqlite_lookups(bench: Bench) -> Result:
    """P4: lookups from CSV to CSV, against a loop over the standard library's sqlite3."""
    count = bench.scaled(300_000)
    database, ids = _items(bench.folder / "items.db"), bench.ids(count)
    ours, theirs = bench.folder / "ours.csv", bench.folder / "loop.csv"
    run = bench.bulkq("-e", SQL, "-t", f"sqlite:///{database}", "-p", ids, "-o", ours)
    loop = [sys.executable, "-m", "benchmarks.loop", str(database), str(ids), str(theirs)]
    cost = bench.in_turn(
        {
            "bulkq": lambda: bench.timed(run, output=ours, lines=count + 1),
            "loop": lambda: bench.timed(loop, output=theirs, lines=count + 1),
        }
    )
    return Result(
        ours=f"bulkq: {rate(count, cost['bulkq'])}",
        theirs=f"sqlite3 in a loop: {rate(count, cost['loop'])}",
        ratio=cost["loop"].wall_s / cost["bulkq"].wall_s,
        at_least=0.7,
        aim=1.0,
    )


def _items(path: Path) -> Path:
    if not path.exists():
        connection = sqlite3.connect(path)
        connection.execute("create table items (id integer primary key, name text not null, balance integer not null)")
        rows = ((i, f"item {i}", i % 1000) for i in range(1, ITEMS + 1))
        connection.executemany("insert into items values (?, ?, ?)", rows)
        connection.commit()
        connection.close()
    return path

"""P12: sync drivers on private threads against the same driver in a plain loop."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from benchmarks.bench import ITEMS, Bench
from benchmarks.result import OURS, Result, Skipped, faster, timed
from tests.support.servers import mariadb

if TYPE_CHECKING:
    from pathlib import Path

SQL = "select id, name from items where id = :id"
COUNT = 50_000


@dataclass(frozen=True, slots=True)
class Library:
    """A library for MariaDB, and how many times as fast as PyMySQL in a loop bulkq has to be with it."""

    name: str
    module: str
    scheme: str
    at_least: float
    aim: float


LIBRARIES = (
    Library("PyMySQL", "pymysql", "mysql+pymysql", 1.0, 2.0),
    Library("mysqlclient", "MySQLdb", "mysql+mysqldb", 2.0, 3.0),
    Library("MariaDB Connector", "mariadb", "mariadb+mariadbconnector", 0.7, 1.0),
    Library("asyncmy", "asyncmy", "mysql+asyncmy", 0.5, 1.0),
    Library("aiomysql", "aiomysql", "mysql+aiomysql", 0.3, 0.5),
)


def duckdb_lookups(bench: Bench) -> Result:
    """P12: lookups in a DuckDB file."""
    if find_spec("duckdb") is None or find_spec("duckdb_engine") is None:
        raise Skipped("duckdb is not installed: pip install 'bulkq[duckdb]'")
    path = bench.folder / "items.duckdb"
    _fill_duckdb(path)
    return _compared(bench, f"duckdb:///{path}", str(path), at_least=40, aim=100)


def mariadb_lookups(bench: Bench) -> list[Result | Skipped]:
    """P12 on a MariaDB of our own, through each installed library, against PyMySQL in a plain loop."""
    if find_spec("pymysql") is None:
        raise Skipped("PyMySQL is not installed: pip install 'bulkq[mysql]'")
    if mariadb.version() is None:
        raise Skipped("mariadb is not installed")
    server = mariadb.MariaDB()
    try:
        server.execute("", "CREATE DATABASE bench")
        server.execute(
            "bench",
            "CREATE TABLE items (id int PRIMARY KEY, name varchar(40) NOT NULL)",
            f"INSERT INTO items SELECT seq, concat('item ', seq) FROM seq_1_to_{ITEMS}",
        )
        return _libraries(bench, f"{server.port}/bench")
    finally:
        server.close()


def _libraries(bench: Bench, place: str) -> list[Result | Skipped]:
    there = [one for one in LIBRARIES if find_spec(one.module) is not None]
    count = bench.scaled(COUNT)
    ids, theirs = bench.ids(count), bench.folder / "mariadb-loop.csv"
    sides = {
        "loop": partial(
            bench.timed,
            [sys.executable, "-m", "benchmarks.dbapi_loop", "mariadb", place, str(ids), str(theirs)],
            output=theirs,
            lines=count + 1,
        )
    }
    for one in there:
        ours = bench.folder / f"{one.module}.csv"
        url = f"{one.scheme}://root@127.0.0.1:{place}"
        run = bench.bulkq("-e", f"-- name: look(id: integer)\n{SQL}", "-t", url, "-p", ids, "-o", ours)
        sides[one.name] = partial(bench.timed, run, output=ours, lines=count + 1)
    cost = bench.in_turn(sides)
    loop = timed("PyMySQL in a loop", cost["loop"], count)
    found: list[Result | Skipped] = [
        faster(
            f"{count:,} lookups, MariaDB through {one.name}, CSV to CSV",
            timed(OURS, cost[one.name], count, note=one.name),
            loop,
            at_least=one.at_least,
            aim=one.aim,
        )
        for one in there
    ]
    return [*found, *(Skipped(f"{one.name} is not installed") for one in LIBRARIES if one not in there)]


def _compared(bench: Bench, url: str, place: str, *, at_least: float, aim: float) -> Result:
    count = bench.scaled(COUNT)
    ids, ours, theirs = bench.ids(count), bench.folder / "duckdb.csv", bench.folder / "duckdb-loop.csv"
    sql = f"-- name: look(id: integer)\n{SQL}"
    run = bench.bulkq("-e", sql, "-t", url, "-p", ids, "-o", ours)
    loop = [sys.executable, "-m", "benchmarks.dbapi_loop", "duckdb", place, str(ids), str(theirs)]
    cost = bench.in_turn(
        {
            "bulkq": lambda: bench.timed(run, output=ours, lines=count + 1),
            "loop": lambda: bench.timed(loop, output=theirs, lines=count + 1),
        }
    )
    return faster(
        f"{count:,} lookups, DuckDB, CSV to CSV",
        timed(OURS, cost["bulkq"], count),
        timed("duckdb in a loop", cost["loop"], count),
        at_least=at_least,
        aim=aim,
    )


def _fill_duckdb(path: Path) -> None:
    if path.exists():
        return
    import duckdb

    connection = duckdb.connect(str(path))
    connection.execute("create table items (id integer primary key, name varchar not null)")
    connection.execute(f"insert into items select i, 'item ' || i from range(1, {ITEMS + 1}) t(i)")
    connection.execute("checkpoint")
    connection.close()

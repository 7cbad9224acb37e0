"""P12: sync drivers on private threads against the same driver in a plain loop."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from benchmarks.bench import ITEMS, Bench
from benchmarks.result import OURS, Result, Skipped, faster, timed
from tests.support.servers import mariadb

if TYPE_CHECKING:
    from pathlib import Path

SQL = "select id, name from items where id = :id"
COUNT = 50_000
NAMES = {"duckdb": ("DuckDB", "duckdb"), "mariadb": ("MariaDB", "PyMySQL")}
"""Of a database and of its driver."""


def duckdb_lookups(bench: Bench) -> Result:
    """P12: lookups in a DuckDB file."""
    if find_spec("duckdb") is None or find_spec("duckdb_engine") is None:
        raise Skipped("duckdb is not installed: pip install 'bulkq[duckdb]'")
    path = bench.folder / "items.duckdb"
    _fill_duckdb(path)
    return _compared(bench, "duckdb", f"duckdb:///{path}", str(path), at_least=40, aim=100)


def mariadb_lookups(bench: Bench) -> Result:
    """P12 on MariaDB through PyMySQL, on a server of our own."""
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
        place = f"{server.port}/bench"
        return _compared(bench, "mariadb", f"mysql+pymysql://root@127.0.0.1:{place}", place, at_least=0.7, aim=1.0)
    finally:
        server.close()


def _compared(bench: Bench, kind: str, url: str, place: str, *, at_least: float, aim: float) -> Result:
    name, driver = NAMES[kind]
    count = bench.scaled(COUNT)
    ids, ours, theirs = bench.ids(count), bench.folder / f"{kind}.csv", bench.folder / f"{kind}-loop.csv"
    sql = f"-- name: look(id: integer)\n{SQL}"
    run = bench.bulkq("-e", sql, "-t", url, "-p", ids, "-o", ours)
    loop = [sys.executable, "-m", "benchmarks.dbapi_loop", kind, place, str(ids), str(theirs)]
    cost = bench.in_turn(
        {
            "bulkq": lambda: bench.timed(run, output=ours, lines=count + 1),
            "loop": lambda: bench.timed(loop, output=theirs, lines=count + 1),
        }
    )
    return faster(
        f"{count:,} lookups, {name}, CSV to CSV",
        timed(OURS, cost["bulkq"], count),
        timed(f"{driver} in a loop", cost["loop"], count),
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

"""Maintenance: VACUUM of many small tables, against vacuumdb, and REINDEX of their indexes, against reindexdb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.result import OURS, faster, timed
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from benchmarks.result import Cost, Result

TABLES = 2_000
ROWS = 1_000
LANES = 4


def maintain(bench: Bench) -> list[Result]:
    """2,000 tables of 1,000 rows, 10 % of them dead, and an index of each; on four connections, and recorded, unlike the peers."""
    tables, ledger = bench.scaled(TABLES), bench.folder / "ledger.db"
    options = ("--schema", "many", "-j", str(LANES), "--ledger", str(ledger), "--progress", "none")
    ours = [*bench.builds[OURS], "maintain"]
    theirs = ["-q", "-j", str(LANES), "-d", bench.url]
    servers.execute(bench.url, "CREATE SCHEMA many")
    _each(
        bench.url,
        tables,
        f"CREATE TABLE many.t%s AS SELECT g AS id, 0 AS v FROM generate_series(1, {ROWS}) AS g",
    )

    def fresh(command: list[str], says: str = "") -> Callable[[], Cost]:
        """The command on tables with dead rows."""

        def run() -> Cost:
            _each(bench.url, tables, "UPDATE many.t%s SET v = v + 1 WHERE id %% 10 = 0")
            servers.execute(bench.url, "CHECKPOINT")
            return bench.timed(command, says=says)

        return run

    vacuum = bench.in_turn(
        {
            OURS: fresh([*ours, "vacuum", "-t", bench.url, *options], says=f"ok={tables} "),
            "vacuumdb": fresh([bench.peer("vacuumdb"), *theirs]),
        }
    )
    _each(bench.url, tables, "CREATE INDEX ON many.t%s (id)")
    rebuilt = [*ours, "reindex", "--no-concurrently", "-t", bench.url, *options]
    reindex = bench.in_turn(
        {
            OURS: lambda: bench.timed(rebuilt, says=f"ok={tables} "),
            "reindexdb": lambda: bench.timed([bench.peer("reindexdb"), *theirs, "-S", "many"]),
        }
    )
    return [
        _result(f"VACUUM of {tables:,} small tables", vacuum, "vacuumdb", tables),
        _result(f"REINDEX of {tables:,} small indexes", reindex, "reindexdb", tables),
    ]


def _result(work: str, cost: dict[str, Cost], peer: str, objects: int) -> Result:
    return faster(work, timed(OURS, cost[OURS], objects), timed(peer, cost[peer], objects), at_least=1.0, aim=1.2)


def _each(url: str, tables: int, statement: str) -> None:
    """Execute `statement` with the number of each table, 200 in a transaction."""
    for first in range(1, tables + 1, 200):
        last = min(tables, first + 199)
        servers.execute(
            url, f"DO $$ BEGIN FOR n IN {first}..{last} LOOP EXECUTE format('{statement}', n); END LOOP; END $$"
        )

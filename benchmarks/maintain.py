"""Maintenance: VACUUM of many small tables, against vacuumdb."""

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


def maintain(bench: Bench) -> Result:
    """2,000 tables of 1,000 rows, 10 % of them dead, on four connections and recorded, against `vacuumdb -j 4` without a record."""
    tables, ledger = bench.scaled(TABLES), bench.folder / "ledger.db"
    options = ("--schema", "many", "-j", str(LANES), "--ledger", str(ledger), "--progress", "none")
    ours = [*bench.builds[OURS], "maintain", "vacuum", "-t", bench.url, *options]
    theirs = [bench.peer("vacuumdb"), "-q", "-j", str(LANES), "-d", bench.url]
    servers.execute(bench.url, "CREATE SCHEMA many")
    for first in range(1, tables + 1, 200):
        last = min(tables, first + 199)
        servers.execute(
            bench.url,
            f"DO $$ BEGIN FOR n IN {first}..{last} LOOP EXECUTE format('CREATE TABLE many.t%s AS SELECT g AS id, 0 AS v "
            f"FROM generate_series(1, {ROWS}) AS g', n); END LOOP; END $$",
        )

    def fresh(command: list[str], says: str = "") -> Callable[[], Cost]:
        """The command on tables with dead rows."""

        def run() -> Cost:
            for first in range(1, tables + 1, 200):
                last = min(tables, first + 199)
                servers.execute(
                    bench.url,
                    f"DO $$ BEGIN FOR n IN {first}..{last} LOOP EXECUTE format('UPDATE many.t%s SET v = v + 1 WHERE id %% 10 = 0', n); "
                    "END LOOP; END $$",
                )
            servers.execute(bench.url, "CHECKPOINT")
            return bench.timed(command, says=says)

        return run

    cost = bench.in_turn({OURS: fresh(ours, f"ok={tables} "), "vacuumdb": fresh(theirs)})
    return faster(
        f"VACUUM of {tables:,} small tables",
        timed(OURS, cost[OURS], tables),
        timed("vacuumdb", cost["vacuumdb"], tables),
        at_least=1.0,
        aim=1.2,
    )

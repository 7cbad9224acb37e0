"""P8: a table changed by ranges of its key, against a procedure of the server that does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.result import OURS, faster, timed
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from benchmarks.result import Cost, Result

ROWS = 10_000_000
STEP = 10_000
"""Rows that the procedure changes between two commits."""

PROCEDURE = """\
CREATE OR REPLACE PROCEDURE fill(step int) LANGUAGE plpgsql AS $$
DECLARE
  lo bigint := 0;
  hi bigint;
BEGIN
  SELECT max(id) INTO hi FROM wide;
  WHILE lo < hi LOOP
    UPDATE wide SET done = done + 1 WHERE id > lo AND id <= lo + step;
    COMMIT;
    lo := lo + step;
  END LOOP;
END $$"""


def backfill(bench: Bench) -> Result:
    """P8: 10,000,000 rows updated by key, exactly once, on two connections, against a procedure with a COMMIT every 10,000 rows."""
    rows, ledger = bench.scaled(ROWS), bench.folder / "ledger.db"
    options = ("--over", "wide", "--set", "done = done + 1", "-j", "2", "--ledger", str(ledger), "--progress", "none")
    ours = [*bench.builds[OURS], "backfill", "-t", bench.url, *options]
    theirs = [bench.peer("psql"), "-X", "-q", "-d", bench.url, "-c", f"CALL fill({STEP})"]
    servers.execute(
        bench.url, "CREATE TABLE wide (id bigint PRIMARY KEY, name text NOT NULL, done int NOT NULL)", PROCEDURE
    )

    def fresh(command: list[str], says: str = "") -> Callable[[], Cost]:
        """The command on a table that nothing has changed yet."""

        def run() -> Cost:
            servers.execute(
                bench.url,
                "TRUNCATE wide",
                f"INSERT INTO wide SELECT i, 'item ' || i, 0 FROM generate_series(1, {rows}) i",
                "VACUUM (FREEZE, ANALYZE) wide",
                "CHECKPOINT",
            )
            return bench.timed(command, says=says)

        return run

    cost = bench.in_turn({OURS: fresh(ours, f"changed={rows} "), "procedure": fresh(theirs)})
    return faster(
        f"{rows:,} rows updated by key, exactly once",
        timed(OURS, cost[OURS], rows),
        timed("procedure", cost["procedure"], rows),
        at_least=1.3,
        aim=1.7,
    )

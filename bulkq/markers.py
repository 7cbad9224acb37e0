"""The SQL of the run row and the markers, per dialect: what makes a write exactly once. Called by `bulkq.tasks` and by drivers.

The run row says who owns a run; a marker says that sets `first` to `last` of a part were applied, and commits in the same
transaction as their changes. A batch inserts its marker `FROM` the run row of its owner `FOR SHARE`: so a new owner, who
updates the run row, waits until every transaction of the old one has ended, and from then on the old one inserts nothing.

PostgreSQL has `FOR SHARE`; SQLite's `BEGIN IMMEDIATE` is a lock on everything and needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import MarkerTables

if TYPE_CHECKING:
    from bulkq.model import Claim

RUNS = "bulkq_runs"
MARKERS = "bulkq_markers"


def literal(text: str) -> str:
    """`text` as an SQL string literal; our own ids and host names, which a driver sends without parameters."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def tables(schema: str | None, prefix: str | None = None) -> MarkerTables:
    """The two tables in `schema` (None: SQLite), named after `prefix` where `--marker-table` gave one."""
    runs, markers = (RUNS, MARKERS) if prefix is None else (f"{prefix}_runs", f"{prefix}_markers")
    qualifier = "" if schema is None else f"{identifier(schema)}."
    return MarkerTables(qualifier + identifier(runs), qualifier + identifier(markers))


def create(made: MarkerTables, dialect: str) -> tuple[str, str]:
    """Make the tables where they are not there."""
    moment = (
        "timestamptz NOT NULL DEFAULT now()" if dialect == "postgres" else "text NOT NULL DEFAULT CURRENT_TIMESTAMP"
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {made.runs} (run text PRIMARY KEY, owner text NOT NULL, at {moment})",
        (
            f"CREATE TABLE IF NOT EXISTS {made.markers} (run text NOT NULL, part integer NOT NULL, first bigint NOT NULL, "
            f"last bigint NOT NULL, rows bigint NOT NULL DEFAULT 0, at {moment}, PRIMARY KEY (run, part, first))"
        ),
    )


def begin(made: MarkerTables, run: str, owner: str) -> str:
    """The run row of a new run."""
    return f"INSERT INTO {made.runs} (run, owner) VALUES ({literal(run)}, {literal(owner)})"


def claim(wanted: Claim, dialect: str) -> str:
    """Insert the marker of a batch; one row changed is the permission to go on, none is not.

    It says that each set changes one row, as most do; `count` corrects it where that was not so.
    """
    made = wanted.tables
    lock = " FOR SHARE" if dialect == "postgres" else ""
    return (
        f"INSERT INTO {made.markers} (run, part, first, last, rows) "
        f"SELECT run, {wanted.part}, {wanted.first}, {wanted.last}, {wanted.sets} FROM {made.runs} "
        f"WHERE run = {literal(wanted.run)} AND owner = {literal(wanted.owner)}{lock} ON CONFLICT DO NOTHING"
    )


def count(wanted: Claim, rows: int) -> str:
    """Write into the marker how many rows its batch changed; sent with COMMIT."""
    return f"UPDATE {wanted.tables.markers} SET rows = {rows} WHERE {_key(wanted)}"


def look(wanted: Claim) -> str:
    """After a claim that was not granted: one row of owner, last, rows; `last` is NULL where there is no marker.

    No row at all: the run row is gone.
    """
    made = wanted.tables
    return (
        f"SELECT r.owner, m.last, m.rows FROM {made.runs} AS r LEFT JOIN {made.markers} AS m "
        f"ON m.run = r.run AND m.part = {wanted.part} AND m.first = {wanted.first} WHERE r.run = {literal(wanted.run)}"
    )


def lock(made: MarkerTables) -> str:
    """On PostgreSQL, before `take_over` in the same transaction.

    A shared lock on a row is given to newcomers past a waiting UPDATE, so the batches of a former owner that is alive and busy
    would never let the new one through.
    """
    return f"LOCK TABLE {made.runs} IN EXCLUSIVE MODE"


def take_over(made: MarkerTables, run: str, owner: str) -> str:
    """Make `owner` the owner; waits for every open transaction of the former one. No row changed: the run row is gone."""
    return f"UPDATE {made.runs} SET owner = {literal(owner)} WHERE run = {literal(run)} RETURNING run"


def owners(made: MarkerTables, run: str) -> str:
    """The present owner of `run`, or no row."""
    return f"SELECT owner FROM {made.runs} WHERE run = {literal(run)}"


def applied(made: MarkerTables, run: str) -> str:
    """Rows of part, first, last, rows: what was applied."""
    return f"SELECT part, first, last, rows FROM {made.markers} WHERE run = {literal(run)} ORDER BY part, first"


def remove(made: MarkerTables, run: str) -> tuple[str, str]:
    """After `finished` is durable: markers and run row, in one transaction."""
    return (
        f"DELETE FROM {made.markers} WHERE run = {literal(run)}",
        f"DELETE FROM {made.runs} WHERE run = {literal(run)}",
    )


def _key(wanted: Claim) -> str:
    return f"run = {literal(wanted.run)} AND part = {wanted.part} AND first = {wanted.first}"

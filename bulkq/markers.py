"""The SQL of the run row and the markers, per dialect: what makes a write exactly once.

The run row says who owns a run; a marker says that sets `first` to `last` of a part were applied, and commits in the same
transaction as their changes. A batch inserts its marker `FROM` the run row of its owner `FOR SHARE`: so a new owner, who
updates the run row, waits until every transaction of the old one has ended, and from then on the old one inserts nothing.

How a database keeps a claim and a takeover apart is in `bulkq.dialects`.

A statement that has only the names of the tables quotes columns as they are quoted: `at` and `rows` are reserved words in some
databases.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, cast

from bulkq.dialects import DIALECTS, dialect_for
from bulkq.dialects.base import Dialect
from bulkq.dialects.sqlstates import SERIALIZATION
from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner
from bulkq.model import MarkerTables, Phase
from bulkq.model.key_range import MOST_COLUMNS, KeyRange
from bulkq.model.own_error_states import MARKER_EARLY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Claim
    from bulkq.model.key_range import Position

RUNS = "bulkq_runs"
MARKERS = "bulkq_markers"

RIGHTS = "SELECT, INSERT, UPDATE, DELETE"
"""What a role needs on both tables; a shared lock on a row wants the right to update it."""

NO_COUNT = -1
"""In a marker: the library did not say how many rows were changed. What is less is the token of an attempt."""

LOWER = tuple(f"l{place}" for place in range(1, MOST_COLUMNS + 1))
UPPER = tuple(f"u{place}" for place in range(1, MOST_COLUMNS + 1))
"""The columns of the ends of a range: of the text of each key column, NULL behind the last of a shorter position."""

RANGE_DONE, RANGE_FAILED, RANGE_END = 0, 1, 2
"""States of a range: committed; failed, for a retry; no range, but the end of the key space (its number is 0)."""

KNOWN = frozenset(dialect.name for dialect in DIALECTS if dialect.is_known)
"""Dialects whose locks are known to make a marker mean what it says."""


literal = Dialect().literal
"""A text as an SQL string literal: our own ids and host names, which hold no backslash."""


def identifier(name: str, dialect: str = "") -> str:
    """`name` as a quoted SQL identifier."""
    return dialect_for(dialect).identifier(name)


def tables(schema: str | None, prefix: str | None = None, dialect: str = "") -> MarkerTables:
    """The two tables in `schema` (None: where the connection looks), named after `prefix` where `--marker-table` gave one."""
    runs, markers = (RUNS, MARKERS) if prefix is None else (f"{prefix}_runs", f"{prefix}_markers")
    qualifier = "" if schema is None else f"{identifier(schema, dialect)}."
    return MarkerTables(qualifier + identifier(runs, dialect), qualifier + identifier(markers, dialect))


def images_table(made: MarkerTables, wanted: str | None, dialect: str) -> str:
    """The name of the table of images: that of `--capture-table`, or one beside the markers, in whose schema it is if it names none."""
    if wanted is None:
        return made.images
    schema, _, name = wanted.rpartition(".")
    quote = made.runs[-1]
    before, between, _ = made.runs.rpartition(f"{quote}.{quote}")
    beside = f"{before}{quote}." if between else ""
    return (f"{identifier(schema, dialect)}." if schema else beside) + identifier(name, dialect)


def create(made: MarkerTables, dialect: str) -> tuple[str, str]:
    """Make the tables where they are not there."""
    known = dialect_for(dialect)
    text, moment, engine = known.marker_text, known.marker_moment, known.table_end
    at, rows = _column(made, "at"), _column(made, "rows")
    return (
        f"CREATE TABLE IF NOT EXISTS {made.runs} (run {text} PRIMARY KEY, owner {text} NOT NULL, {at} {moment}){engine}",
        (
            f"CREATE TABLE IF NOT EXISTS {made.markers} (run {text} NOT NULL, part integer NOT NULL, first bigint NOT NULL, "
            f"last bigint NOT NULL, {rows} bigint NOT NULL DEFAULT 0, {at} {moment}, PRIMARY KEY (run, part, first)){engine}"
        ),
    )


def create_ranges(made: MarkerTables, dialect: str) -> str:
    """Make the table of key ranges where it is not there."""
    known = dialect_for(dialect)
    ends = ", ".join(f"{name} {known.key_text}" for name in (*LOWER, *UPPER))
    return (
        f"CREATE TABLE IF NOT EXISTS {made.ranges} (run {known.marker_text} NOT NULL, part integer NOT NULL, first bigint NOT NULL, "
        f"state integer NOT NULL, {_column(made, 'rows')} bigint NOT NULL, {ends}, PRIMARY KEY (run, part, first)){known.table_end}"
    )


def insert_range(made: MarkerTables, run: str, part: int, state: int) -> str:
    """Write a range of `state`, whose number, rows and ends are the parameters `first`, `n`, `l1` and so on."""
    names = (*LOWER, *UPPER)
    return (
        f"INSERT INTO {made.ranges} (run, part, first, state, {_column(made, 'rows')}, {', '.join(names)}) "
        f"VALUES ({literal(run)}, {part}, :first, {state}, :n, {', '.join(f':{name}' for name in names)})"
    )


def redo_range(made: MarkerTables, run: str, part: int) -> str:
    """Give a failed range that is done after all the state of one that is done. Its parameters are those of `redo_parameters`."""
    return (
        f"UPDATE {made.ranges} SET state = {RANGE_DONE}, {_column(made, 'rows')} = :n "
        f"WHERE run = {literal(run)} AND part = {part} AND first = :first AND state = {RANGE_FAILED}"
    )


def redo_parameters(number: int, row: KeyRange) -> tuple[str | None, ...]:
    """The values of `redo_range`."""
    return (str(row.rows), str(number))


def recorded_range(made: MarkerTables, run: str, part: int, number: int) -> str:
    """One row if a range with `number` is recorded, in whatever state."""
    return f"SELECT state FROM {made.ranges} WHERE run = {literal(run)} AND part = {part} AND first = {number}"


def range_parameters(number: int, row: KeyRange) -> tuple[str | None, ...]:
    """The values of `insert_range`."""
    return (str(number), str(row.rows), *_padded(row.after), *_padded(row.upto))


def range_row(made: MarkerTables, run: str, part: int, state: int, number: int, row: KeyRange, dialect: str) -> str:
    """Write a range of `state` with its values in the text."""
    known = dialect_for(dialect)
    ends = (*_padded(row.after), *_padded(row.upto))
    texts = ("NULL" if text is None else known.literal(text) for text in ends)
    return (
        f"INSERT INTO {made.ranges} (run, part, first, state, {_column(made, 'rows')}, {', '.join((*LOWER, *UPPER))}) "
        f"VALUES ({literal(run)}, {part}, {number}, {state}, {row.rows}, {', '.join(texts)})"
    )


def select_ranges(made: MarkerTables, run: str, part: int, order: str) -> str:
    """Rows of first, state, rows and the ends, in the order of the upper ends.

    Args:
        made: the tables.
        run: whose ranges.
        part: of which target.
        order: of the columns `UPPER`, as the key orders them.
    """
    return (
        f"SELECT first, state, {_column(made, 'rows')}, {', '.join((*LOWER, *UPPER))} FROM {made.ranges} "
        f"WHERE run = {literal(run)} AND part = {part} ORDER BY {order}"
    )


def read_range(row: Sequence[object]) -> tuple[int, int, KeyRange]:
    """Number, state and range of a row of `select_ranges`."""
    first, state, rows, *ends = row
    after, upto = ends[:MOST_COLUMNS], ends[MOST_COLUMNS:]
    return int(str(first)), int(str(state)), KeyRange(_position(after), _position(upto), int(str(rows)))


def remove_ranges(
    made: MarkerTables, run: str, part: int | None = None, states: Sequence[int] = (), numbers: Sequence[int] = ()
) -> str:
    """Take away the ranges of a run, of one part, or of some states or numbers."""
    conditions = [f"run = {literal(run)}"]
    conditions += [] if part is None else [f"part = {part}"]
    conditions += [f"state IN ({', '.join(map(str, states))})"] if states else []
    conditions += [f"first IN ({', '.join(map(str, numbers))})"] if numbers else []
    return f"DELETE FROM {made.ranges} WHERE {' AND '.join(conditions)}"


def _padded(position: Position) -> tuple[str | None, ...]:
    return (*position, *(None for _ in range(MOST_COLUMNS - len(position))))


def _position(row: Sequence[object]) -> Position:
    return tuple(str(text) for text in row if text is not None)


def missing_rights(made: MarkerTables, dialect: str) -> str:
    """Rows of table and what this role may not do with it, none for a table that is not there; "" if it cannot be asked."""
    rights = ", ".join(literal(right) for right in RIGHTS.split(", "))
    return dialect_for(dialect).missing_rights.format(
        tables=f"{literal(made.runs)}, {literal(made.markers)}", rights=rights
    )


def change_nothing(made: MarkerTables) -> tuple[str, ...]:
    """Statements that need the rights of a claim, of its count and of the removal of markers, and change no row."""
    return (
        f"UPDATE {made.markers} SET part = 0 WHERE 1 = 0",
        f"DELETE FROM {made.markers} WHERE 1 = 0",
        f"UPDATE {made.runs} SET owner = '' WHERE 1 = 0",
        f"DELETE FROM {made.runs} WHERE 1 = 0",
    )


def begin(made: MarkerTables, run: str, owner: str) -> str:
    """The run row of a new run."""
    return f"INSERT INTO {made.runs} (run, owner) VALUES ({literal(run)}, {literal(owner)})"


def run_row(made: MarkerTables, run: str) -> str:
    """The owner of a run, if it has a run row."""
    return f"SELECT owner FROM {made.runs} WHERE run = {literal(run)}"


def claim(wanted: Claim, dialect: str, rows: int | None = None) -> str:
    """Insert the marker of a batch; one row changed is the permission to go on, none is not.

    It says that each set changes one row, as most do, or that `rows` were changed; `count` corrects it where that was not so.
    """
    made = wanted.tables
    rows = wanted.sets if rows is None else rows
    known = dialect_for(dialect)
    return (
        f"{known.insert} INTO {made.markers} (run, part, first, last, {_column(made, 'rows')}) "
        f"SELECT run, {wanted.part}, {wanted.first}, {wanted.last}, {rows} FROM {made.runs} "
        f"WHERE run = {literal(wanted.run)} AND owner = {literal(wanted.owner)}{known.shared_lock}{known.on_conflict}"
    )


def hold(wanted: Claim, dialect: str) -> str | None:
    """Before the claim in its transaction: what makes it and a takeover meet where the lock on the run row does not; None elsewhere.

    One row given or changed is the permission to go on.
    """
    form = dialect_for(dialect).hold
    if not form:
        return None
    owner, run = literal(wanted.owner), literal(wanted.run)
    return form.format(runs=wanted.tables.runs, run=run, owner=owner, turn=_turn(wanted.run))


def claiming(wanted: Claim, dialect: str, rows: int | None = None) -> tuple[str, ...]:
    """The statements of a claim; each gives or changes one row, or the claim is not granted. `rows` as of `claim`."""
    held = hold(wanted, dialect)
    return (*((held,) if held else ()), claim(wanted, dialect, rows))


def count(wanted: Claim, rows: int) -> str:
    """Write into the marker how many rows its batch changed; sent with COMMIT."""
    return f"UPDATE {wanted.tables.markers} SET {_column(wanted.tables, 'rows')} = {rows} WHERE {_key(wanted)}"


def look(wanted: Claim) -> str:
    """After a claim that was not granted: one row of owner, last, rows; `last` is NULL where there is no marker.

    No row at all: the run row is gone.
    """
    made = wanted.tables
    return (
        f"SELECT r.owner, m.last, m.{_column(made, 'rows')} FROM {made.runs} AS r LEFT JOIN {made.markers} AS m "
        f"ON m.run = r.run AND m.part = {wanted.part} AND m.first = {wanted.first} WHERE r.run = {literal(wanted.run)}"
    )


def refusal(found: Sequence[Sequence[object]], claim: Claim) -> DatabaseError:
    """The error of a claim that was not granted: the marker outranks the owner, and a run row that is gone has none.

    Args:
        found: the rows of `look(claim)`, seen in the same transaction: one or none.
        claim: that was not granted.
    """
    if not found:
        return NotOwner(None, phase=Phase.CLAIMING)
    owner, last, rows = cast("tuple[str, int | None, int]", tuple(found[0]))
    if last is not None and int(rows) < NO_COUNT:
        error = DatabaseError(
            "their marker was committed before their work: check in the database whether these sets were applied",
            sqlstate=MARKER_EARLY,
            phase=Phase.COMMITTING,
        )
        error.broken_off = True
        return error
    if last is not None:
        return AlreadyApplied(int(last), int(rows), phase=Phase.CLAIMING, ours=owner == claim.owner)
    if owner != claim.owner:
        return NotOwner(owner, phase=Phase.CLAIMING)
    return DatabaseError(
        "this process became the owner of the run again during the claim", sqlstate=SERIALIZATION, phase=Phase.CLAIMING
    )


def token(number: int) -> int:
    """What a marker has in place of its rows until `count` is sent, if the library's row counts are not believed.

    Args:
        number: at random, at least 0.
    """
    return NO_COUNT - 1 - number


def has_token(found: Sequence[Sequence[object]], wanted: Claim, attempt: int) -> bool:
    """Whether the marker is the one that this attempt inserted.

    Args:
        found: the rows of `look(wanted)`.
        wanted: what was claimed.
        attempt: its token.
    """
    return [tuple(map(str, row)) for row in found] == [(wanted.owner, str(wanted.last), str(attempt))]


def take_over(made: MarkerTables, run: str, owner: str) -> str:
    """Make `owner` the owner; waits for every open transaction of the former one. No row changed: the run row is gone."""
    return f"UPDATE {made.runs} SET owner = {literal(owner)} WHERE run = {literal(run)} RETURNING run"


def taking_over(made: MarkerTables, run: str, owner: str, dialect: str) -> tuple[str, ...]:
    """The statements of one transaction that make `owner` the owner, the last of which gives a row unless the run row is gone."""
    known = dialect_for(dialect)
    if not known.returns_updates:
        update = take_over(made, run, owner).removesuffix(" RETURNING run")
        return update, f"SELECT run FROM {made.runs} WHERE run = {literal(run)} AND owner = {literal(owner)}"
    turn = (known.take_turn.format(turn=_turn(run)),) if known.take_turn else ()
    return (*turn, take_over(made, run, owner))


def owners(made: MarkerTables, run: str) -> str:
    """The present owner of `run`, or no row."""
    return f"SELECT owner FROM {made.runs} WHERE run = {literal(run)}"


def applied(made: MarkerTables, run: str) -> str:
    """Rows of part, first, last, rows: what was applied."""
    return f"SELECT part, first, last, {_column(made, 'rows')} FROM {made.markers} WHERE run = {literal(run)} ORDER BY part, first"


def applied_counts(made: MarkerTables, run: str) -> str:
    """Rows of part, number of sets: how much was applied."""
    return f"SELECT part, sum(last - first + 1) FROM {made.markers} WHERE run = {literal(run)} GROUP BY part"


def flushing(made: MarkerTables, run: str, dialect: str) -> tuple[str, ...]:
    """What a durable transaction has to write, so that all that was committed before it is durable, too. Waits for no other."""
    if not dialect_for(dialect).commits_lazily:
        return ()
    of_run = f"run = {literal(run)}"
    one = f"SELECT part, first FROM {made.markers} WHERE {of_run} LIMIT 1"
    return (f"UPDATE {made.markers} SET last = last WHERE {of_run} AND (part, first) IN ({one})",)


def remove(made: MarkerTables, run: str) -> tuple[str, str]:
    """After `finished` is durable: markers and run row, in one transaction."""
    return (
        f"DELETE FROM {made.markers} WHERE run = {literal(run)}",
        f"DELETE FROM {made.runs} WHERE run = {literal(run)}",
    )


def _turn(run: str) -> int:
    """The number of the advisory lock of a run: 64 bits with a sign, as PostgreSQL takes them."""
    return int.from_bytes(blake2b(f"bulkq/{run}".encode(), digest_size=8).digest(), "big", signed=True)


def _key(wanted: Claim) -> str:
    return f"run = {literal(wanted.run)} AND part = {wanted.part} AND first = {wanted.first}"


def _column(made: MarkerTables, name: str) -> str:
    """`name` quoted as the tables are."""
    quote = made.runs[-1]
    return f"{quote}{name}{quote}"

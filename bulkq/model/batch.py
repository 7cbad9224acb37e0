"""Batches: what goes to a driver, what comes back, and what is known of each parameter set."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.counts import Counts
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model.attempt_steps import AttemptSteps
    from bulkq.model.query import ParameterSet, Query
    from bulkq.model.shard import Shard


class Decoding(StrEnum):
    """In which form a sink wants the values of result rows."""

    PYTHON = "python"  # what the database library gives: int, Decimal, datetime, ...
    TEXT = "text"  # what COPY ... CSV would write: `t`, `2026-11-22 13:05:10+00`, `{1,2}`, `\\x00`; ints may stay int, bools bool
    JSON = "json"  # int, float, bool, str, None, or JSON text where `Column.raw`


@frozen
class Column:
    """One result column."""

    name: str
    type: str = ""  # the database's name for it, "" where it has none
    raw: bool = False  # Decoding.JSON only: the strings are JSON text and are embedded as they are


@frozen
class SourcePosition:
    """How far a source had been read at the end of a batch: where `resume` goes on."""

    n: int  # parameter sets before this point
    offset: int  # bytes consumed; 0 for sources that are counted, not read
    line: int  # lines consumed
    digest: str  # of the consumed bytes, hex; "" for sources that are counted


@frozen
class Batch:
    """Consecutive parameter sets that travel together: one hop, one transaction, one step of progress."""

    index: int  # 0-based place in the run; the order of output
    first: int  # 1-based number of its first parameter set, with a shard its place there; it never changes
    sets: Sequence[ParameterSet]
    lines: Sequence[int] = ()  # line of each set in its source file; empty where lines mean nothing
    source: str = ""  # "customers.csv", or "" where there is no file
    end: SourcePosition | None = None  # of the source after this batch, where it can be sought
    repeats: bool = False  # of a write: several sets may change the same row, so they are executed in their order
    statement: Query | None = None  # that its only set is executed with; None: that of the part
    key_range: str = ""  # the condition of a range of a table's key, for people
    steps: AttemptSteps | None = None  # around the statement, in the transaction of its only set
    names: Sequence[str] = ()  # of maintenance: of each object, in place of a source
    shard: Shard | None = None  # whose sets these are, of an input that several runs share

    def slice(self, position: int, size: int) -> Batch:
        """The `size` sets from `position` on, of a batch whose sets have names and no lines; itself if these are all."""
        if size == len(self.sets):
            return self
        upto = position + size
        return replace(
            self, first=self.first + position, sets=self.sets[position:upto], names=self.names[position:upto]
        )

    def number(self, position: int) -> int:
        """The number of the set at `position` in the whole input, from 1."""
        place = self.first + position
        return place if self.shard is None else self.shard.number(place)

    def origin(self, position: int) -> str:
        """`customers.csv:119` of the set at `position`, the name of an object, or "" where it came from neither."""
        if self.names:
            return self.names[position]
        if not self.source:
            return ""
        return f"{self.source}:{self.lines[position]}" if self.lines else self.source


class Phase(StrEnum):
    """How far an attempt had come when it failed."""

    CONNECTING = "connecting"
    ENCODING = "encoding"  # a value could not be encoded; nothing was sent
    PREPARING = "preparing"
    CLAIMING = "claiming"  # the marker statement, inside our transaction
    SENT = "sent"  # inside our explicit transaction, or a read
    COMMITTING = "committing"  # COMMIT was sent, or the statement ran outside a transaction


class Outcome(StrEnum):
    """What is known about an attempt. Whatever is not known for certain is UNKNOWN."""

    OK = "ok"
    NOT_STARTED = "not_started"
    ROLLED_BACK = "rolled_back"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"  # of maintenance: the object was not done, for a reason that may pass; resume does it


@frozen
class SetError:
    """One parameter set that failed inside an attempt in which the others went through (SQLite reads)."""

    position: int
    sqlstate: str | None
    message: str
    hint: str | None = None
    own: bool = False  # the message is bulkq's own and holds no values


@frozen
class EncodedReply:
    """The rows of a reply that went through `--map`, or were encoded for the output, where they arose: on another machine."""

    payload: object  # as `Sink.encode` gives it
    weight: int
    errors: tuple[SetError, ...] = ()  # sets for which the function of `--map` failed
    complete: bool = True  # False: the rows are values, which are still to be encoded


@frozen
class Reply:
    """What one attempt brought back. Columnar, because the sinks format columns, not rows.

    `values[c][r]` is column c of row r; `positions[r]` is the index of the set (in the sets given to the
    attempt) that row r answers, ascending unless the driver sorted.
    """

    columns: tuple[Column, ...]
    values: Sequence[Sequence[object]]
    positions: Sequence[int]
    changed: int = 0
    errors: tuple[SetError, ...] = ()
    together: bool = False  # one statement has answered all sets
    lost: str = ""  # why the rows of its only set, which was applied, cannot be given
    encoded: EncodedReply | None = None  # then `positions` only counts the rows


@frozen
class Failure:
    """One parameter set that did not end `ok`, or whose answer is lost; a line of `--failures`."""

    n: int  # of the set in the whole input
    source: str
    target: str
    query: str
    params: Mapping[str, object]  # secrets masked
    outcome: Outcome
    sqlstate: str | None
    message: str
    attempts: int
    hint: str | None = None
    where: str = ""  # `users.sql:12` of the error's position, where the server gave one
    key_range: str = ""  # of a backfill: the condition that gives the rows of the range; the ledger does not keep it
    valueless: tuple[str, ...] = ()  # the message or names in it that hold no values, so that the ledger keeps them


def failure_counts(failures: Sequence[Failure]) -> Counts:
    """How many of `failures` failed, of how many the outcome is unknown, and how many were skipped."""
    unknown = sum(1 for failure in failures if failure.outcome is Outcome.UNKNOWN)
    skipped = sum(1 for failure in failures if failure.outcome is Outcome.SKIPPED)
    return Counts(failed=len(failures) - unknown - skipped, unknown=unknown, skipped=skipped)


ANSWER_LOST = "applied, but its result was lost: do not repeat it"
"""The message of a set in `BatchResult.unanswered`."""

STARTED = "it was sent and nothing is known of its end"
"""Recorded before a set of maintenance is sent. If it is still there later, the failure was not reported to the user."""


@frozen
class BatchResult:
    """A batch with everything that came of it. `positions` index into `batch.sets`, ascending."""

    batch: Batch
    query: Query
    target: str
    columns: tuple[Column, ...]
    values: Sequence[Sequence[object]]
    positions: Sequence[int]
    ok: int
    failures: tuple[Failure, ...] = ()
    skipped: int = 0
    changed: int = 0
    unanswered: tuple[Failure, ...] = ()  # sets that were applied, whose answers are lost: `outcome` is ok
    part: int = 1
    attempts: int = 1
    retried: int = 0
    elapsed_s: float = 0.0
    together: bool = False  # one statement has answered all sets
    superseded: bool = False  # nothing lasts of it, and other batches do its work: it counts nowhere
    encoded: EncodedReply | None = None  # see `Reply`

    @property
    def rows(self) -> int:
        """Number of result rows."""
        return len(self.positions)

    @property
    def counts(self) -> Counts:
        """What became of its sets."""
        failed = failure_counts(self.failures)
        return Counts(
            ok=self.ok,
            failed=failed.failed,
            unknown=failed.unknown,
            skipped=self.skipped + failed.skipped,
            retried=self.retried,
            changed=self.changed,
            unanswered=len(self.unanswered),
        )


@frozen
class Limits:
    """What one attempt may take. None means no limit, and only the user says so, by name."""

    timeout_s: float | None = 30.0  # per query, enforced by the server
    lock_timeout_s: float | None = 2.0
    read_only: bool = True
    transaction: bool = True
    expect_rows: int | None = None  # each set must change exactly so many, else it fails (sqlstate ROWS_UNEXPECTED)
    ordered: bool = True  # False: a driver may send the sets in the order of `Query.sorting`
    together: bool = (
        False  # a driver may execute all sets of a read by one statement, where `Capabilities.sets_together`
    )
    followed: bool = False  # another attempt follows at once: a driver may end the transaction of a read in the first message of that
    snapshot: str | None = None  # of `SnapshotConnection.export_snapshot`: a read sees what that transaction sees


@frozen
class BadValue:
    """A value that the target cannot convert to its parameter's type, found before anything was executed."""

    position: int  # index into the checked sets
    parameter: int  # index into `Query.parameters`
    type: str
    sqlstate: str
    message: str


@frozen
class Claim:
    """Permission to apply sets `first` to `last` of a run's part, taken in the transaction that applies them.

    The SQL comes from `bulkq.markers`; a driver executes it and reports what it found.
    """

    run: str
    owner: str
    part: int
    first: int
    last: int
    tables: MarkerTables

    @property
    def sets(self) -> int:
        """How many sets it claims."""
        return self.last - self.first + 1


@frozen
class MarkerTables:
    """Quoted, qualified names of the two tables in the target."""

    runs: str
    markers: str

    @property
    def ranges(self) -> str:
        """The name of the table of key ranges, which stands beside them."""
        return self.runs[:-5] + "ranges" + self.runs[-1]

    @property
    def images(self) -> str:
        """The name of the table of images, which stands beside them."""
        return self.runs[:-5] + "images" + self.runs[-1]

"""The values that cross borders between rooms. Frozen, slotted, without behaviour beyond what they can say of themselves.

A parameter set is a plain `tuple` in the order of `Query.parameters`, because a million of them pass through
one run: on the success path no object of ours is made per parameter set.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.server import ALONE
from bulkq.server import Behind as Behind  # noqa: PLC0414 - exported from here
from bulkq.server import Capabilities as Capabilities  # noqa: PLC0414
from bulkq.server import Server as Server  # noqa: PLC0414
from bulkq.server import Setting as Setting  # noqa: PLC0414

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ParameterSet = tuple[object, ...]
"""The values of one execution, in the order of `Query.parameters`."""


class Mode(StrEnum):
    """What a query may do, as its `@mode` says."""

    READ = "read"
    WRITE = "write"
    DDL = "ddl"
    MAINTENANCE = "maintenance"


class StatementClass(StrEnum):
    """What the first words of a statement say it does. A courtesy to the user; the guard is the server's."""

    READ = "read"  # SELECT, VALUES, TABLE, WITH without data-modifying parts, SHOW, EXPLAIN
    WRITE = "write"  # INSERT, UPDATE, DELETE, MERGE, REPLACE, WITH that changes data
    DDL = "ddl"  # CREATE, ALTER, DROP, TRUNCATE, COMMENT, GRANT, REVOKE, REINDEX ...
    MAINTENANCE = "maintenance"  # VACUUM, ANALYZE, CALL, DO, CLUSTER ...
    SESSION = (
        "session"  # BEGIN, COMMIT, SET, LISTEN, PREPARE, LOCK ...: refused everywhere, they escape the transaction
    )


class PlaceholderKind(StrEnum):
    """How a placeholder is written."""

    VALUE = "value"  # :name
    LIST = "list"  # :name*
    IDENTIFIER = "identifier"  # :{name}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One place in `Query.sql` that takes a parameter; `sql[start:end]` is what a driver replaces.

    For a LIST the span is the whole `IN (:ids*)` or `NOT IN (:ids*)`, so that PostgreSQL's driver can write `= ANY($1)`.
    """

    name: str
    kind: PlaceholderKind
    start: int
    end: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query, in the order of its first appearance in the text."""

    name: str
    kind: PlaceholderKind = PlaceholderKind.VALUE
    type: str | None = None  # as declared, e.g. "bigint"; None where nothing was declared
    default: str | None = None  # text, as if it came from a file
    has_default: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A named SQL statement with placeholders, as `bulkq.query` reads it from a file or from `-e`."""

    name: str
    sql: str  # one statement, the author's text byte for byte, without the closing semicolon
    parameters: tuple[Parameter, ...] = ()
    placeholders: tuple[Placeholder, ...] = ()  # ascending by `start`
    escapes: tuple[int, ...] = ()  # offsets of the backslash of every `\\:`, which a driver leaves out
    where: int | None = None  # offset of the last WHERE outside parentheses
    file: str | None = None  # as the user named it; None for -e
    line: int = 1  # line of `file` on which `sql` starts
    description: str = ""
    statement: StatementClass = StatementClass.READ
    mode: Mode | None = None
    unbounded: bool = False  # UPDATE or DELETE without WHERE
    verb: str = ""  # first keyword, upper case: SELECT, UPDATE, VACUUM
    meant: str | None = None  # where `verb` is none that is known: the one that is near, or ""
    counted: bool = True  # the database says how many rows it changed
    timeout_s: float | None = None
    no_timeout: bool = False  # `@timeout none`
    lock_timeout_s: float | None = None
    retries: int | None = None
    idempotent: bool | None = None
    transaction: bool = True
    batch: int | None = None
    tags: tuple[str, ...] = ()
    schema: str | None = None  # of --schemas: where names without a schema are looked up first
    behind: Behind = ALONE  # where they are looked up then
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # every `@key`, raw, for commands that own it

    @property
    def place(self) -> str:
        """`users.sql:norm_phone`, or the bare name for inline SQL."""
        return f"{self.file}:{self.name}" if self.file else self.name

    def within(self, target: Target) -> Query:
        """The query with its names looked up where `target` says."""
        return replace(self, schema=target.schema, behind=target.behind)

    @property
    def path(self) -> tuple[str, ...]:
        """The search path; () where the session's own holds. A DO block is not shown extensions: its names are not seen before it runs."""
        if self.schema is None:
            return ()
        extensions = () if self.verb == "DO" else self.behind.extensions
        return (self.schema, *self.behind.shared, *extensions)

    @property
    def sorting(self) -> tuple[int, ...]:
        """Indexes of `parameters` in the order by which a write batch is sorted: those after WHERE first."""
        where = len(self.sql) if self.where is None else self.where
        keys = {p.name for p in self.placeholders if p.start >= where}
        first = [i for i, p in enumerate(self.parameters) if p.name in keys]
        return (*first, *(i for i in range(len(self.parameters)) if i not in first))


class Decoding(StrEnum):
    """In which form a sink wants the values of result rows."""

    PYTHON = "python"  # what the database library gives: int, Decimal, datetime, ...
    TEXT = "text"  # what COPY ... CSV would write: `t`, `2026-11-22 13:05:10+00`, `{1,2}`, `\\x00`; ints may stay int, bools bool
    JSON = "json"  # int, float, bool, str, None, or JSON text where `Column.raw`


@dataclass(frozen=True, slots=True)
class Column:
    """One result column."""

    name: str
    type: str = ""  # the database's name for it, "" where it has none
    raw: bool = False  # Decoding.JSON only: the strings are JSON text and are embedded as they are


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive parameter sets that travel together: one hop, one transaction, one step of progress."""

    index: int  # 0-based place in the run; the order of output
    first: int  # 1-based number of its first parameter set; a number never changes
    sets: Sequence[ParameterSet]
    lines: Sequence[int] = ()  # line of each set in its source file; empty where lines mean nothing
    source: str = ""  # "customers.csv", or "" where there is no file
    end: SourcePosition | None = None  # of the source after this batch, where it can be sought
    repeats: bool = False  # of a write: several sets may change the same row, so they are executed in their order

    def origin(self, position: int) -> str:
        """`customers.csv:119` of the set at `position`, or "" where it came from no file."""
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


@dataclass(frozen=True, slots=True)
class SetError:
    """One parameter set that failed inside an attempt in which the others went through (SQLite reads)."""

    position: int
    sqlstate: str | None
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
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
    lost: str = ""  # why the rows of its only set, which was applied, cannot be given


@dataclass(frozen=True, slots=True)
class Failure:
    """One parameter set that did not end `ok`, or whose answer is lost; a line of `--failures`."""

    n: int
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


ANSWER_LOST = "applied, and its answer is lost: do not repeat it"
"""The message of a set in `BatchResult.unanswered`."""


@dataclass(frozen=True, slots=True)
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

    @property
    def rows(self) -> int:
        """Number of result rows."""
        return len(self.positions)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one attempt may take. None means no limit, and only the user says so, by name."""

    timeout_s: float | None = 30.0  # per query, enforced by the server
    lock_timeout_s: float | None = 2.0
    read_only: bool = True
    transaction: bool = True
    expect_rows: int | None = None  # each set must change exactly so many, else it fails (sqlstate ROWS_UNEXPECTED)
    ordered: bool = True  # False: a driver may send the sets in the order of `Query.sorting`
    snapshot: str | None = None  # of `SnapshotConnection.export_snapshot`: a read sees what that transaction sees


@dataclass(frozen=True, slots=True)
class BadValue:
    """A value that the target cannot convert to its parameter's type, found before anything was executed."""

    position: int  # index into the checked sets
    parameter: int  # index into `Query.parameters`
    type: str
    sqlstate: str
    message: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """`--max-failures N` or `N%`."""

    count: int | None = None
    percent: float | None = None


class Status(StrEnum):
    """How a run ended."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class QueryCounts:
    """The counts of one query on one target."""

    name: str
    file: str | None
    line: int
    target: str
    ok: int = 0
    failed: int = 0
    unknown: int = 0


class Verdict(StrEnum):
    """What a check says of the data; ERROR says that nobody can tell."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class PastCheck:
    """How a check ended in an earlier run, as the ledger keeps it."""

    run: str
    at: str  # ISO 8601, UTC
    verdict: Verdict
    elapsed_s: float
    value: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check on one target for one parameter set, ready for every report: texts are masked where `@mask` says so, not escaped."""

    name: str
    file: str | None
    line: int
    target: str
    verdict: Verdict
    expected: str  # the condition in words, as `@expect` writes it: "empty", "value >= 0.99"
    message: str  # one line: what was found, or why nobody can tell
    value: str | None = None  # what was measured, where the check measures a value
    rows: int | None = None  # how many rows there were, where that is known
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[str | None, ...], ...] = ()  # the first offending rows, as text
    params: Mapping[str, str | None] = field(default_factory=dict)  # secrets masked
    sqlstate: str | None = None
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    began_s: float = 0.0  # since the start of the run
    elapsed_s: float = 0.0
    lane: int = 0
    history: tuple[PastCheck, ...] = ()  # newest first, this run left out


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """What a run came to on one target (of --schemas: in one schema)."""

    target: str
    ok: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    changed: int = 0
    reason: str = ""  # why not all of it was tried; "" where it was


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in totals. Counts are of parameter sets; `skipped` were never tried; `changed` are rows, -1 where not known."""

    run: str
    status: Status
    exit_code: int
    mode: str  # read, write, idempotent, maintenance, unrecorded
    targets: tuple[str, ...]
    ok: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    retried: int = 0
    changed: int = 0
    rows: int = 0
    attempts: int = 0  # batch attempts, the first included
    elapsed_s: float = 0.0
    p50_s: float | None = None
    p95_s: float | None = None
    max_s: float | None = None
    unanswered: int = 0  # sets of a write that were applied but whose answers are lost
    warnings: int = 0  # of servers that count them (MariaDB, MySQL), in this process
    repeated: int = 0  # sets of a write that name a row which an earlier set of this process named
    repeated_exact: bool = True  # False: there may be more
    reason: str = ""  # why it stopped, for people
    resume: str | None = None  # the command that goes on from here
    queries: tuple[QueryCounts, ...] = ()
    per_target: tuple[TargetCounts, ...] = ()
    failures: tuple[Failure, ...] = ()  # the first `KEPT_FAILURES`; `--failures` has them all
    outputs: tuple[str, ...] = ()  # files that were completed
    partials: tuple[str, ...] = ()  # files that were left incomplete
    checks: tuple[CheckResult, ...] = ()  # of `bulkq check`, in the order of the files
    started_at: str = ""  # ISO 8601, UTC

    @property
    def tried(self) -> int:
        """Parameter sets that were tried, however they ended."""
        return self.ok + self.failed + self.unknown


KEPT_FAILURES = 100
"""Failures kept in memory for the report; a run may have millions."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a password comes from; it is looked up again for every new connection, because passwords rotate."""

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None  # argv; a string in the file is run by /bin/sh -c
    folder: str = ""  # in which the command runs: that of the file which names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One database that a run works on: a URL as typed, or a name of bulkq.toml with what stands there."""

    url: str
    name: str = ""  # "" where a URL was typed
    password: Secret | None = None
    protected: bool = False  # wants --confirm NAME before a write
    concurrency: int | None = None  # lanes on this target at most
    tags: tuple[str, ...] = ()
    expect: Mapping[str, str] = field(default_factory=dict)  # identity, compared on every new connection
    schema: str | None = None  # of --schemas: SET LOCAL search_path in every transaction
    behind: Behind = ALONE
    guard: str = ""  # of a URL that leads to the database of a protected target: the name to confirm

    @property
    def bare(self) -> Target:
        """The database, without a schema of it."""
        return replace(self, schema=None, behind=ALONE)

    def like(self, other: Target) -> Target:
        """The same database with the schema of `other`."""
        return replace(self, schema=other.schema, behind=other.behind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the user asked `bulkq run` for, after parsing; `bulkq.tasks.run` does it.

    Durations are seconds; None is "no limit", which only the word `none` says.
    """

    queries: tuple[Query, ...]
    targets: tuple[Target, ...]
    params: tuple[str, ...] = ()  # the -p specifications, as typed
    constants: Mapping[str, str] = field(default_factory=dict)  # --param
    params_format: str | None = None
    params_target: Target | None = None
    grid: bool = False
    null: str | None = None  # --null
    ignore_extra_columns: bool = False
    concurrency: int = 8
    schemas: tuple[str, ...] = ()  # --schemas: LIKE patterns, resolved when the run begins
    schemas_with: tuple[str, ...] = ()  # --schemas-with: names; `none` leaves extensions out
    targets_sql: str | None = None  # --targets-sql: asked of the only target; its rows are the targets
    targets_from: Target | None = None  # of a run whose targets came from a query
    concurrency_given: bool = True
    confirmed: tuple[str, ...] = ()  # --confirm
    per_target: int | None = None  # lanes on one target at most
    connect_timeout_s: float | None = 10.0  # for the first connection to a target
    canaries: tuple[str, ...] = ()  # --order canary:NAME: labels of targets that come first, alone
    max_failed_targets: int | None = None
    timeout_s: float | None = 30.0
    timeout_given: bool = False  # the option outranks `@timeout`
    lock_timeout_s: float | None = 2.0
    lock_timeout_given: bool = False
    deadline_s: float | None = None
    retries: int = 5
    retries_given: bool = False
    outage_s: float = 300.0
    batch: int | None = None  # None: the controller decides
    batch_given: bool = False  # the option outranks `@batch`
    write: bool = False
    allow: frozenset[str] = frozenset()
    ledger: str = "auto"
    idempotent: bool = False  # --idempotent: repeats are harmless, no markers
    marker_table: str | None = None  # --marker-table [SCHEMA.]PREFIX
    keep_markers: bool = False
    retry_unknown: bool = False  # --on-unknown retry
    expect_rows: int | None = None
    max_affected: int | None = None
    map: str | None = None  # MODULE:FUNCTION
    map_timeout_s: float | None = None
    map_timeout_given: bool = False  # else it is that of the query
    output: str | None = None  # -o, may hold {query} and {target}; "-" is stdout
    format: str | None = None
    include: tuple[str, ...] = ()
    unordered: bool = False
    ordered: bool = False  # --ordered: one lane on each target
    failures: str | None = None
    reports: tuple[str, ...] = ()  # the files of --report, which no output may be
    fail_fast: bool = False
    max_failures: Threshold | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The URL of the first target, by which the dialect of the queries goes."""
        return self.targets[0].url


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """How far a source had been read at the end of a batch: where `resume` goes on."""

    n: int  # parameter sets before this point
    offset: int  # bytes consumed; 0 for sources that are counted, not read
    line: int  # lines consumed
    digest: str  # of the consumed bytes, hex; "" for sources that are counted


@dataclass(frozen=True, slots=True)
class SinkPosition:
    """How much of an output is on disk, after fsync."""

    path: str
    offset: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What the ledger keeps of a batch that ended: numbers of parameter sets, never their values."""

    part: int
    ranges: tuple[tuple[int, int], ...]  # first..last, both inclusive: the sets that ended `ok`
    failures: tuple[Failure, ...] = ()  # `params` and `hint` are not kept
    changed: int = 0
    unanswered: int = 0  # sets that were committed but whose answers are lost
    source: SourcePosition | None = None


class RunState(StrEnum):
    """Where a run stands, in the ledger."""

    RUNNING = "running"  # or dead: whoever reads it looks at host and pid
    STOPPED = "stopped"  # ended early and consistent; can be resumed
    FINISHED = "finished"  # every set has an outcome; durable before markers go


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as the ledger knows it. `request` and `fingerprint` are JSON texts that only `bulkq.tasks` reads."""

    run: str
    state: RunState
    mode: str  # read, write, idempotent, maintenance
    name: str
    targets: tuple[str, ...]  # without passwords
    request: str
    fingerprint: str
    owner: str  # of the process that runs it: "host:pid:random"
    started_at: str  # ISO 8601, UTC
    ended_at: str | None = None
    exit_code: int | None = None
    retry_of: str | None = None
    elapsed_s: float = 0.0  # over all processes so far
    ok: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    retried: int = 0
    changed: int = 0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class PartState:
    """What is done of one part (query x target x schema) of a run."""

    part: int
    done: tuple[tuple[int, int], ...]  # merged ranges of sets that ended `ok`, ascending
    failures: tuple[Failure, ...]
    source: SourcePosition | None  # at or before the end of the first range, when that begins at 1
    sinks: tuple[SinkPosition, ...]  # as of the last commit of the ledger


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class MarkerTables:
    """Quoted, qualified names of the two tables in the target."""

    runs: str
    markers: str

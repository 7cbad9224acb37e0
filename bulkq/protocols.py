"""Every seam on one page: a new driver, source, sink, throttle or observer implements one of these Protocols.

ParameterSource   where parameter sets come from         bulkq.sources
Driver            one database library                   bulkq.drivers
Connection        one session of a driver, held by one lane
Statement         a query that a connection has prepared
Sink              where result rows go                   bulkq.sinks
Ledger            the durable record of runs             bulkq.ledger
Throttle          a reason to wait                       bulkq.throttles
Delivery          how results leave the engine           bulkq.engine.delivery
BatchOutput       the output of one batch
StreamTarget      the destination of a streamed result
Slot              permission to use one of `-j` connections
Executor          where batches are executed             bulkq.engine.executors
Mapper            a function over result rows            --map
Judge             the verdict of a check                 bulkq check
Observer          is notified of each batch              progress, --failures
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from bulkq.errors import LedgerError, RefusedError
    from bulkq.model import AttemptSteps, Batch, BatchResult, Capabilities, Claim, Limits, ParameterSet, PartSpec, Query
    from bulkq.model.reply import BadValue, Column, Decoding, Reply, SetError
    from bulkq.model.run_event import EventKind
    from bulkq.model.run_record import Mark, RunRecord, SinkPosition
    from bulkq.model.run_summary import RunSummary
    from bulkq.model.server import Server
    from bulkq.model.throttle_readings import Reading
    from bulkq.policy.progress import Progress


class ParameterSource(Protocol):
    """A stream of parameter sets for one query, already in the order of `Query.parameters`."""

    @property
    def total(self) -> int | None:
        """Number of parameter sets if known without reading them, else None until the end is reached."""

    typed: bool
    """True: the values are Python values of the right types. False: `str | None`, for the target to convert."""

    replayable: bool
    """True: opening the same source again gives the same sets (files and ranges; not stdin, not a query)."""

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets as batch `index`; None at the end. One lane calls it at a time.

        If the task is cancelled during the wait, no set was taken, and a replayable source loses none.

        Raises:
            ParameterError: the source cannot be read further; the message starts with `file:line`.
            Exception: the error of an iterable that was passed to the Python API.
        """

    def fraction(self) -> float | None:
        """How much of the source was consumed, 0.0 to 1.0, by bytes or by count; None if unknown."""

    async def close(self) -> None:
        """Close files and return connections. May be called at any time, more than once."""


class Statement(Protocol):
    """A query that `Connection.prepare` has prepared. It is valid only for that connection."""

    query: Query
    columns: tuple[Column, ...]
    """Result columns as in `Reply.columns`; () if they are unknown before execution."""

    returns_rows: bool | None
    """False: the result is only the number of changed rows: one column named `rowcount`. None: unknown."""

    parameter_types: tuple[str, ...]
    """The database type of each parameter; "" if the database does not report it."""

    single: bool
    """True: it runs outside a transaction, so an attempt has one set."""


class Connection(Protocol):
    """One session. It belongs to one lane, and calls do not overlap."""

    server: Server

    async def prepare(
        self, query: Query, decoding: Decoding, *, typed: bool, identifiers: Mapping[str, str]
    ) -> Statement:
        """Prepare `query` on the server without executing it. A driver may cache the result by its arguments.

        Args:
            query: the query.
            decoding: the form of result values.
            typed: True: sets hold Python values of the right types. False: they hold text (`str | None`), which the
                database converts.
            identifiers: values of the `:{name}` placeholders. The driver checks them against the catalog and quotes them.

        Raises:
            DatabaseError: the server rejects the text (`offset` is set if it reported a position), or the connection broke.
        """

    async def attempt(
        self,
        statement: Statement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        *,
        claim: Claim | None = None,
        before_commit: Callable[[int], None] | None = None,
        steps: AttemptSteps | None = None,
    ) -> Reply:
        """Execute `statement` for every set in one transaction, and end the transaction.

        All sets succeed or none, unless the driver isolates errors of reads (`Reply.errors`). Afterwards the session is idle, or
        the error has `connection_lost`. If the task is cancelled, the driver first cancels the statement, within the cancel grace.

        Args:
            statement: prepared by this connection.
            sets: the parameter sets; none if the transaction consists of the claim and the steps.
            limits: timeouts in seconds, read-only, number of rows that each set must change.
            claim: for an exactly-once write: the marker to insert first, in the same transaction.
            before_commit: is given the number of changed rows before COMMIT. Its exception rolls back and is raised unchanged.
            steps: statements around a write in its transaction. If one fails, the attempt is rolled back.

        Raises:
            DatabaseError: with the `position` of the culprit in `sets` if the database reports it.
            AlreadyApplied: the marker exists, so an earlier attempt has committed.
            NotOwner: the run row is missing or has another owner.
        """

    def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        """Execute for one set and yield the rows in pieces, so that memory does not grow with the result."""

    async def copy(self, statement: Statement, delimiter: str, limits: Limits, write: Callable[[bytes], object]) -> int:
        """Write the result of a query without parameters as CSV with a header, if `Capabilities.copies`; return its rows."""

    async def administer(
        self, statements: Sequence[str], *, lock_timeout_s: float | None = 2.0
    ) -> list[tuple[object, ...]]:
        """Execute statements of bulkq (run row, markers) in one durable transaction; return the rows of the last one.

        Raises:
            DatabaseError: a statement failed; the transaction was rolled back.
        """

    async def check(self, statement: Statement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Return the text values that the target cannot convert. Does not execute the statement."""

    async def close(self) -> None:
        """End the session within two seconds, if necessary by closing the socket."""


@runtime_checkable
class SnapshotConnection(Protocol):
    """A connection whose snapshot other connections can use while its transaction is open.

    An attempt with the snapshot fails if it has read a table that was written anew since: the snapshot does not see its rows.
    """

    async def export_snapshot(self) -> str:
        """Begin a read-only transaction, open until `close`; return its snapshot id for `Limits.snapshot`.

        Raises:
            DatabaseError: the server cannot export a snapshot.
        """


class Driver(Protocol):
    """One database library and one target. It has no connection of its own."""

    capabilities: Capabilities
    target: str
    """The target in output: its name, or its URL without the password."""

    async def connect(self) -> Connection:
        """Open a session within ten seconds.

        Raises:
            TargetError: the message has the cause: unknown host, refused port, wrong password, missing database or file.
        """


class WarningCounts(Protocol):
    """Warnings of a target in a run."""

    count: int
    first: list[str]
    """Texts of the first few, each with the place of its query."""


@runtime_checkable
class WarningDriver(Protocol):
    """A driver whose server reports a number of warnings with each result."""

    @property
    def warnings(self) -> WarningCounts:
        """The warnings of successful attempts, over all connections."""


class Sink(Protocol):
    """Where result rows go. `encode` is pure and may be called out of order; `write` is called in output order."""

    decoding: Decoding
    notices: list[str]
    """Messages about the opening, for example that the partial of a dead run was replaced."""

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:
        """Announce the columns of a query, once, before its first `encode`; () if they are known only with the rows.

        Raises:
            UsageError: the sink cannot hold these columns.
        """

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """Return the payload of a batch (None if the sink needs nothing of it) and its size in bytes while it waits."""

    async def write(self, payload: object) -> None:
        """Append the payload of a batch."""

    def mark(self) -> int:
        """Return the current end of the output, for `back_to`."""

    def back_to(self, mark: int) -> None:
        """Remove what was written since `mark`, so that a retry leaves no partial result."""

    def positions(self) -> tuple[SinkPosition, ...]:
        """Return how far each file was written, buffered bytes included; () if the output cannot be continued.

        Read it directly after a batch was written, with its mark: during a stream, it counts pieces that may still fail.
        """

    async def fsync(self) -> None:
        """Sync what was written before the call. Writes may continue meanwhile. Costs nothing if nothing was written.

        Raises:
            StoppedError: the disk is full, or the write failed.
        """

    async def close(self, *, complete: bool) -> None:
        """Close the output. If `complete`, a file gets its final name; otherwise it stays a partial."""

    def discard(self) -> None:
        """Close and undo the opening, because the run ended before its first statement."""


@runtime_checkable
class ByteSink(Sink, Protocol):
    """A sink that also accepts CSV from the server."""

    def copy_delimiter(self) -> str | None:
        """Return the delimiter for COPY, or None if the sink needs rows (`--include`, several queries)."""

    def write_bytes(self, data: bytes) -> object:
        """Append bytes of COPY; b"" ends the result. Return an awaitable if that may take time."""


class Throttle(Protocol):
    """A reason to wait, asked before a batch is cut, without a slot or a transaction. An unknown state is a reason."""

    async def open(self) -> None:
        """Start reading the signal.

        Raises:
            UsageError: the signal cannot be read.
        """

    def reason(self) -> str | None:
        """Return why the lanes must wait, or None. Returns immediately, from the last reading."""

    def load(self) -> float | None:
        """Return the signal divided by its limit (1.0: at the limit), or None if it has no scale."""

    def readings(self) -> tuple[Reading, ...]:
        """Return the last reading of each signal. Returns immediately."""

    def of(self, target: str) -> Throttle | None:
        """Return the part that holds the lanes of the target with this label; None if nothing does."""

    async def close(self) -> None:
        """Stop reading. May be called more than once, and without `open`."""


class Slot(Protocol):
    """Permission for a lane to execute on a database, one of `-j`."""

    def give_back(self) -> None:
        """Release the slot. Further calls have no effect."""

    def lent(self) -> AbstractAsyncContextManager[None]:
        """Release the slot inside this block, and acquire one again at its end."""


class StreamTarget(Protocol):
    """The destination of a result while it arrives."""

    copy_delimiter: str | None
    """The delimiter for COPY; None if rows are needed."""

    async def begin(self) -> None:
        """Start an attempt: remove what an earlier attempt wrote."""

    async def write(self, result: BatchResult) -> None:
        """Append a piece."""

    def write_bytes(self, data: bytes) -> object:
        """Append bytes of COPY; return an awaitable if that may take time."""


class BatchOutput(StreamTarget, Protocol):
    """The output of one batch. Its last call is `deliver` or `give_up`."""

    def recover(self, error: Exception) -> BatchResult | None:
        """Return the result of a batch that raised `error`, or None if the error does not concern this batch alone."""

    async def complete(self, result: BatchResult) -> BatchResult:
        """Return `result` after `--map` or the evaluation of a check."""

    def hold(self, result: BatchResult) -> None:
        """Encode the completed result."""

    async def deliver(self) -> None:
        """Write what `hold` has encoded, or keep it until the earlier batches are written."""

    def give_up(self) -> None:
        """End the batch without a result."""


class Delivery(Protocol):
    """How the results of a target leave the engine: in input order, in completion order, mapped, or evaluated."""

    async def admit(self) -> None:
        """Wait until another batch may be cut."""

    def open(self, spec: PartSpec, batch: Batch, slot: Slot) -> BatchOutput:
        """Return the output of `batch`."""


class Executor(Protocol):
    """Executes the batches of one lane, one at a time."""

    @property
    def stranded(self) -> bool:
        """Whether a statement could not be cancelled, so that the lane must end."""

    async def ready(self, *, patient: bool = True) -> object:
        """Connect if not connected; see `bulkq.engine.pool.ConnectionPool.open`."""

    async def execute(self, spec: PartSpec, batch: Batch, out: StreamTarget) -> BatchResult:
        """Execute every set of `batch`; each ends with a result or a failure. A large result is streamed into `out`.

        Raises:
            RefusedError: the session is not allowed to execute the statement.
            StoppedError: the target was unreachable for too long.
        """

    async def close(self) -> None:
        """Return the connection to the pool."""

    async def discard(self) -> None:
        """Close the connection, because its state is unknown."""


class Mapper(Protocol):
    """`--map`: a function over result rows, before the sink."""

    async def __call__(self, result: BatchResult) -> tuple[BatchResult, tuple[SetError, ...]]:
        """Return `result` with the new rows, and the sets for which the function failed. Does not raise."""


class Ledger(Protocol):
    """The durable record of runs. When an awaited write returns, it is on disk. A write that fails raises LedgerError."""

    keeps: bool
    """False: nothing is recorded, so nothing can be resumed."""

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]] = ()
    ) -> None:
        """Record a new run with the paths of its spooled sources and (part, position) of its outputs, before anything is sent."""

    def mark(self, mark: Mark) -> None:
        """Record a batch that ended; durable at the next group commit, at most 200 ms later.

        Raises:
            LedgerError: an earlier group commit failed; nothing more must be sent.
        """

    def record_event(
        self, kind: EventKind, text: str, *, by: str = "", data: Mapping[str, object] | None = None, soon: bool = True
    ) -> None:
        """Record an event of the run. What cannot be kept is left out; see `bulkq.ledger.recorder.Recorder`."""

    async def sync(self) -> None:
        """Make all marks durable now."""

    async def confirm(self) -> None:
        """Raise TakenOver if another process goes on with the run: this one may have stood still for minutes."""

    def attach(
        self,
        *,
        positions: Callable[[], Sequence[tuple[int, SinkPosition]]] | None = None,
        fsync: Callable[[], Awaitable[None]] | None = None,
        on_failure: Callable[[LedgerError], None] | None = None,
    ) -> None:
        """Set what returns the positions of outputs (called as a commit collects its marks), syncs them, handles a failure."""

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        """Return (path, run) of other runs that wrote to an output of `run`, newest first."""

    async def finish(self, record: RunRecord) -> None:
        """Record how this process of the run ended; durable on return."""

    async def close(self) -> None:
        """Make all marks durable and close the ledger."""


class Judge(Protocol):
    """Evaluates the result of a parameter set; implemented in `bulkq.tasks.check.evaluate`."""

    def begin(self, batch: Batch) -> Sink:
        """Return a sink for the result of the only set of `batch`."""

    def refused(self, batch: Batch, error: RefusedError) -> BatchResult:
        """Return a failed result for a statement that the read-only guard refused. Other batches continue."""

    async def decide(self, result: BatchResult) -> BatchResult:
        """Return `result` with the counts of its verdict and without rows."""


class Observer(Protocol):
    """Is notified of each batch, never of each parameter set."""

    def started(self, progress: Progress) -> None:
        """The run has started. `progress` is updated during the run and may be read at any time."""

    def batch_done(self, result: BatchResult) -> None:
        """A batch has ended; called in output order."""

    def notice(self, text: str) -> None:
        """Show a message to the user: one line on stderr."""

    def finished(self, summary: RunSummary) -> None:
        """The run has ended, with any status."""

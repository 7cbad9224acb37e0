"""Every seam on one page. A new driver, source, sink or observer implements one of these and nothing else.

ParameterSource   where parameter sets come from         bulkq.sources
Driver            one database library                   bulkq.drivers
Connection        one session of a driver, held by one lane
Statement         a query that a connection has prepared
Sink              where result rows go                   bulkq.sinks
Ledger            the durable record of runs             bulkq.ledger
Throttle          a reason to wait                       bulkq.throttles
Delivery          what becomes of the results            bulkq.engine.delivery
BatchOutput       the way of one answer into its sink
StreamTarget      where a streamed answer goes, piece by piece
Slot              a lane's share of `-j`
Executor          where batches are executed             bulkq.engine.executors
Mapper            what result rows go through            --map
Judge             what an answer means                   bulkq check
Observer          receives what happened                 progress, --failures
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from bulkq.errors import LedgerError, RefusedError
    from bulkq.model.batch import BadValue, Batch, BatchResult, Claim, Column, Decoding, Limits, Reply, SetError
    from bulkq.model.part import PartSpec
    from bulkq.model.query import ParameterSet, Query
    from bulkq.model.run import Mark, RunRecord, RunSummary, SinkPosition
    from bulkq.model.target import Capabilities, Server
    from bulkq.policy.progress import Progress


class ParameterSource(Protocol):
    """A stream of parameter sets for one query, already in the order of `Query.parameters`."""

    @property
    def total(self) -> int | None:
        """Number of parameter sets, where it is known without reading them; known to all at the end."""

    typed: bool
    """True: the values are Python values of the right types. False: `str | None`, for the target to convert."""

    replayable: bool
    """True: opening the same source again gives the same sets (files and ranges; not stdin, not a query)."""

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets as batch `index`; None at the end. One lane calls it at a time.

        It may be cancelled while it waits: then no set was given, and none of a source that is replayable is lost.

        Raises:
            ParameterError: the source cannot be read on; the message starts with `file:line`.
            Exception: of the Python API, what the caller's own iterable raised.
        """

    def fraction(self) -> float | None:
        """How much of the source was consumed, 0.0 to 1.0, by bytes or by count; None if unknown."""

    async def close(self) -> None:
        """Give back files and connections. May be called at any time, more than once."""


class Statement(Protocol):
    """A query as one connection has prepared it. Made by `Connection.prepare`, given back to the same connection."""

    query: Query
    columns: tuple[Column, ...]
    """Result columns as they will be in `Reply.columns`; () where the driver cannot know before execution."""

    returns_rows: bool | None
    """False: only a count of changed rows comes back (`Reply.values` is then one column named `rowcount`)."""

    parameter_types: tuple[str, ...]
    """The database's type of each parameter, "" where it does not say."""

    single: bool
    """True: runs outside a transaction, so one set per attempt."""


class Connection(Protocol):
    """One session. Owned by one lane; no method is called while another is under way."""

    server: Server

    async def prepare(
        self, query: Query, decoding: Decoding, *, typed: bool, identifiers: Mapping[str, str]
    ) -> Statement:
        """Ask the server about `query`; executes nothing. The result may be cached by its arguments.

        Args:
            query: the query.
            decoding: the form in which result values are wanted.
            typed: the sets hold Python values of the right types; False: text (`str | None`) that the
                database is to convert.
            identifiers: values of the `:{name}` placeholders; checked against the catalog and quoted.

        Raises:
            DatabaseError: the server refuses the text, with `offset` where it gave a position; or the connection broke.
        """

    async def attempt(
        self,
        statement: Statement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        *,
        claim: Claim | None = None,
        before_commit: Callable[[int], None] | None = None,
    ) -> Reply:
        """Execute `statement` for every set, in one hop and one transaction, and end that transaction.

        All or nothing, unless the driver isolates errors of reads (`Reply.errors`). When this returns or raises, the
        session is known to be idle, or the error says `connection_lost`. Cancelling the task cancels
        the statement on the server first and is bounded by the cancel grace.

        Args:
            statement: prepared by this connection.
            sets: what to execute it for.
            limits: deadlines, read-only, rows expected of each set.
            claim: of a write that is to be exactly once: its marker is inserted first, in the same transaction.
            before_commit: called with the number of changed rows when all sets went through; what it raises rolls the
                attempt back and comes out as it is.

        Raises:
            DatabaseError: with the culprit's `position` where the database names it.
            AlreadyApplied: the marker was there: an earlier attempt had committed.
            NotOwner: the run row is gone or has another owner.
        """

    def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        """Execute for one set and give the rows in pieces, so that memory does not grow with the result."""

    async def copy(self, statement: Statement, delimiter: str, limits: Limits, write: Callable[[bytes], object]) -> int:
        """Send the whole result of a query without parameters as CSV with header to `write`; returns the rows.

        Only where `Capabilities.copies`.
        """

    async def administer(
        self, statements: Sequence[str], *, lock_timeout_s: float | None = 2.0
    ) -> list[tuple[object, ...]]:
        """Execute our own statements (run row, markers) in one durable transaction; the rows of the last one.

        Raises:
            DatabaseError: the first that failed; everything is rolled back.
        """

    async def check(self, statement: Statement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Which text values the target would not convert. Executes nothing of the user's."""

    async def close(self) -> None:
        """End the session within two seconds, by force if need be."""


@runtime_checkable
class SnapshotConnection(Protocol):
    """A connection whose view of the data others can share, while its transaction lasts."""

    async def export_snapshot(self) -> str:
        """Begin a read-only transaction that lasts until `close`, and name what it sees for `Limits.snapshot`.

        Raises:
            DatabaseError: the server has no snapshot to share.
        """


class Driver(Protocol):
    """One database library and one target. Holds no connection itself."""

    capabilities: Capabilities
    target: str
    """What to call the target in output: its name, or its URL without the password."""

    async def connect(self) -> Connection:
        """Open a session within ten seconds.

        Raises:
            TargetError: with which it was: no such host, refused port, wrong password, no such database or file.
        """


class WarningCounts(Protocol):
    """What a target warned of in a run."""

    count: int
    first: list[str]
    """Texts of the first few, with the query's place."""


@runtime_checkable
class WarningDriver(Protocol):
    """A driver whose server may count warnings with its answers."""

    @property
    def warnings(self) -> WarningCounts:
        """Those of all of its connections, of attempts that went through."""


class Sink(Protocol):
    """Where result rows go. `encode` is pure and may run for batches out of order; `write` gets them in order."""

    decoding: Decoding
    notices: list[str]
    """What people should know about the opening: a partial of a dead run was replaced, ..."""

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:
        """Called once per query before its first `encode`, with () where columns are known only with the rows.

        Raises:
            UsageError: these columns cannot go into this sink.
        """

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """The payload of a batch, None if this sink keeps nothing of it, and its weight in bytes while it waits for its turn."""

    async def write(self, payload: object) -> None:
        """Take a payload in output order."""

    def mark(self) -> int:
        """The present end of the output, for `back_to`."""

    def back_to(self, mark: int) -> None:
        """Forget what was written since `mark`, so that a retry never leaves half an answer."""

    def positions(self) -> tuple[SinkPosition, ...]:
        """What `write` has appended so far, buffered bytes included; () where nothing can be continued.

        Cheap. To be asked when a batch was written, together with its mark: while a result streams in, the pieces of
        an answer that may still fail are counted too.
        """

    async def fsync(self) -> None:
        """Put on disk what was written before the call; writes may go on meanwhile. Free when nothing was.

        Raises:
            StoppedError: the disk takes no more.
        """

    async def close(self, *, complete: bool) -> None:
        """Finish. A file gets its final name only when the run reached its end."""

    def discard(self) -> None:
        """Close as if it had never been opened: the run ended before its first statement."""


@runtime_checkable
class ByteSink(Sink, Protocol):
    """A sink that also takes ready CSV from the server."""

    def copy_delimiter(self) -> str | None:
        """The delimiter for COPY, or None where this sink must see rows (`--include`, other queries beside it)."""

    def write_bytes(self, data: bytes) -> object:
        """Append what COPY sent."""


class Throttle(Protocol):
    """A reason to wait. Fails closed: an unknown state is a reason.

    The engine asks before it cuts a batch, while the lane holds no slot and no transaction is open.
    """

    async def open(self) -> None:
        """Begin to read the signal.

        Raises:
            UsageError: it cannot be read.
        """

    def reason(self) -> str | None:
        """Why the lanes have to wait; None: go on. Answers at once, from the last reading."""

    def load(self) -> float | None:
        """How near the signal is to its limit, 1.0 being the limit; None if it has no scale."""

    async def close(self) -> None:
        """Stop reading. May be called more than once, and without `open`."""


class Slot(Protocol):
    """A lane's right to be at work on a database."""

    def give_back(self) -> None:
        """Let another lane have it. Harmless when repeated."""

    def lent(self) -> AbstractAsyncContextManager[None]:
        """Let other lanes have it inside this block."""


class StreamTarget(Protocol):
    """Where an answer goes while it arrives."""

    copy_delimiter: str | None
    """The delimiter for COPY; None if rows are wanted."""

    async def begin(self) -> None:
        """Begin an attempt: forget what an earlier one has written."""

    async def write(self, result: BatchResult) -> None:
        """Append a piece."""

    def write_bytes(self, data: bytes) -> object:
        """Append bytes of COPY; an awaitable where that may take time."""


class BatchOutput(StreamTarget, Protocol):
    """The way of the answer to one batch. It ends with `deliver` or `give_up`."""

    def recover(self, error: Exception) -> BatchResult | None:
        """The result of a batch that ended with `error`; None if the error is not the batch's own."""

    async def complete(self, result: BatchResult) -> BatchResult:
        """`result` as it is counted: mapped, or judged."""

    def hold(self, result: BatchResult) -> None:
        """Encode the completed result."""

    async def deliver(self) -> None:
        """Write what `hold` has encoded, or let it wait for its turn."""

    def give_up(self) -> None:
        """End without a result."""


class Delivery(Protocol):
    """What becomes of the results of a target: in input order, as they end, through a function, or judged."""

    async def admit(self) -> None:
        """Wait until another batch may be cut."""

    def open(self, spec: PartSpec, batch: Batch, slot: Slot) -> BatchOutput:
        """The way of the answer to `batch`."""


class Executor(Protocol):
    """Executes the batches of one lane, one at a time."""

    @property
    def stranded(self) -> bool:
        """Whether it holds a statement that cannot be stopped, so its lane is to end."""

    async def ready(self, *, patient: bool = True) -> object:
        """Connect, unless that was done; see `bulkq.engine.pool.ConnectionPool.open`."""

    async def execute(self, spec: PartSpec, batch: Batch, out: StreamTarget) -> BatchResult:
        """Every set of `batch`, each in the end answered or a failure. A large answer streams into `out`.

        Raises:
            RefusedError: the session may not execute the statement.
            StoppedError: the target was unreachable for too long.
        """

    async def close(self) -> None:
        """Give back the connection."""

    async def discard(self) -> None:
        """Close the connection: its state is in doubt."""


class Mapper(Protocol):
    """`--map`: what result rows go through on their way to the sink."""

    async def __call__(self, result: BatchResult) -> tuple[BatchResult, tuple[SetError, ...]]:
        """`result` with other rows, and the sets that it could not do it for; never raises."""


class Ledger(Protocol):
    """The durable record of runs. Every write that returns from an `await` is on disk."""

    keeps: bool
    """False: nothing is recorded, so nothing can be resumed."""

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]] = ()
    ) -> None:
        """Record a new run before anything is sent.

        Args:
            record: the run.
            sources: paths of its spooled sources.
            outputs: (part, position) of its outputs, before anything is written to them.

        Raises:
            LedgerError: it cannot be written.
        """

    def mark(self, mark: Mark) -> None:
        """Take note of a batch that ended; durable at the next group commit, at most 200 ms later.

        Raises:
            LedgerError: an earlier group commit failed; nothing more may be sent.
        """

    async def sync(self) -> None:
        """Make all marks durable now."""

    def attach(
        self,
        *,
        positions: Callable[[], Sequence[tuple[int, SinkPosition]]] | None = None,
        fsync: Callable[[], Awaitable[None]] | None = None,
        on_failure: Callable[[LedgerError], None] | None = None,
    ) -> None:
        """Tell how far the outputs are, what makes them durable, and who is to know when a commit has failed.

        `positions` is called in the moment in which a group commit collects its marks.
        """

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        """Other runs that wrote to an output of `run`, with its path, newest first."""

    async def finish(self, record: RunRecord) -> None:
        """Record how the run, or this process of it, ended; durable on return."""

    async def close(self) -> None:
        """Make what is noted durable and let go."""


class Judge(Protocol):
    """Makes of the answer to a set what it means; `bulkq.tasks.check.evaluate` implements it."""

    def begin(self, batch: Batch) -> Sink:
        """A sink for the answer to the only set of `batch`."""

    def refused(self, batch: Batch, error: RefusedError) -> BatchResult:
        """What the read-only guard said to the set of `batch`, as its failure: the others go on."""

    async def decide(self, result: BatchResult) -> BatchResult:
        """`result` counted by what its rows say, without them."""


class Observer(Protocol):
    """Told what happened, per batch, never per parameter set."""

    def started(self, progress: Progress) -> None:
        """The run begins; `progress` is live and may be read at any time."""

    def batch_done(self, result: BatchResult) -> None:
        """A batch ended, in output order."""

    def notice(self, text: str) -> None:
        """Something people should know: a line on stderr."""

    def finished(self, summary: RunSummary) -> None:
        """The run ended, however it ended."""

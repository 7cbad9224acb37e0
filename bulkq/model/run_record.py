"""What the ledger knows of a run: the run, what is done of its parts, how much of its outputs is on disk."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.counts import Counts
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.model.batch import SourcePosition
    from bulkq.model.failure import Failure
    from bulkq.model.run_event import RunEvent
    from bulkq.model.shard import Shard


@frozen
class RecordedDatabase:
    """What a run has recorded of the database of one of its targets; a process that goes on must find the same."""

    identity: str  # "" if no process has connected to it yet
    settings: Mapping[str, str] | None  # that its connections asked for; None if they are not known


@frozen
class SinkPosition:
    """How much of an output is on disk, after fsync."""

    path: str
    offset: int  # bytes; of Parquet and Arrow one more than the rows, or 0 if the schema is not written


@frozen
class Mark:
    """What the ledger keeps of a batch that ended: numbers of parameter sets, never their values."""

    part: int
    ranges: tuple[tuple[int, int], ...]  # first..last, both inclusive: the sets that ended `ok`; with a shard, places
    failures: tuple[Failure, ...] = ()  # `params` and `hint` are not kept
    changed: int = 0
    unanswered: int = 0  # sets that were committed but whose answers are lost
    source: SourcePosition | None = None


class RunState(StrEnum):
    """Where a run stands, in the ledger."""

    RUNNING = "running"  # or the process has died: check host and pid
    STOPPED = "stopped"  # ended early and consistent; can be resumed
    FINISHED = "finished"  # every set has an outcome; durable before markers go


@frozen(kw_only=True)
class RunRecord(Counts):
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
    shard: Shard | None = None
    group: str | None = None

    def place(self, number: int) -> int:
        """The place of a set among those of the run, by its number in the whole input; ranges are of places."""
        return number if self.shard is None else self.shard.place(number)

    def number(self, place: int) -> int:
        """The reverse of `place`."""
        return place if self.shard is None else self.shard.number(place)


@frozen
class RecordedPart:
    """What is done of one part (query x target x schema) of a run."""

    part: int
    done: tuple[tuple[int, int], ...]  # merged ranges of sets that ended `ok`, ascending; with a shard, of places
    failures: tuple[Failure, ...]
    source: SourcePosition | None  # at or before the end of the first range, when that begins at 1
    sinks: tuple[SinkPosition, ...]  # as of the last commit of the ledger


@frozen
class ListedRun:
    """A run of the ledger, with its status on this machine.

    Attributes:
        record: the run.
        status: ok, failed, unknown, refused, stopped, incomplete, running or dead.
        parts: of the run, if it is shown alone.
        spools: paths of its spooled sources, if it is shown alone.
        retried_by: the id of the run that retries its failures.
        undone_by: the id of its newest undo.
        incomplete: what the last verification has found.
    """

    record: RunRecord
    status: str
    parts: tuple[RecordedPart, ...] = ()
    spools: tuple[str, ...] = ()
    retried_by: str | None = None
    undone_by: str | None = None
    incomplete: RunEvent | None = None

"""What earlier processes, or an earlier run, have left for a run to go on from. A new run starts from an empty state."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.batch import failure_counts
from bulkq.model.counts import Counts
from bulkq.model.dataclass import frozen
from bulkq.policy.ranges import Ranges
from bulkq.sources.subset import Only, Remaining

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.errors import BulkqError
    from bulkq.model import Failure, MarkerTables, RecordedPart, RunRecord, SourcePosition
    from bulkq.protocols import ParameterSource


@frozen(kw_only=True)
class ResumeState:
    """The state of a run when this process begins; a retry has what it takes from the run that it repeats.

    Attributes:
        record: of the run that is resumed.
        repeats: of the run that is tried again.
        owner: this process, which has taken the run over.
        parts: by number of the part, what the ledger keeps of it.
        done: by number of the part, the sets that are not done again.
        only: by number of the part, the sets of a retry with their old numbers; None: the run is over all of its source.
        tables: of markers, by place of the target.
        identities: of databases, by place of the target.
        lost: targets that could not be taken over, by place.
        spools: of sources, by place of the query.
        leftovers: files that earlier runs have left beside the ledger for this one; they go when all has gone well.
        counts: of all earlier processes.
        cut_off: by number of the part, sets that were applied and whose answers died with the process; `counts.unanswered` has them.
    """

    record: RunRecord | None = None
    repeats: RunRecord | None = None
    owner: str = ""
    parts: Mapping[int, RecordedPart] = field(default_factory=dict)
    done: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    only: Mapping[int, Sequence[tuple[int, int]]] | None = None
    tables: Mapping[int, MarkerTables] = field(default_factory=dict)
    identities: Mapping[int, str] = field(default_factory=dict)
    lost: Mapping[int, BulkqError] = field(default_factory=dict)
    spools: Mapping[int, str] = field(default_factory=dict)
    leftovers: Sequence[str] = ()
    counts: Counts = field(default_factory=Counts)
    cut_off: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether this process does all sets of its sources, from the first to the last."""
        return self.record is None and self.only is None

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The failures of earlier processes."""
        return tuple(failure for part in self.parts.values() for failure in part.failures)

    @property
    def outputs(self) -> dict[str, int] | None:
        """By path, how far the ledger knows each output; None for a run that has written none yet."""
        if self.record is None:
            return None
        return {sink.path: sink.offset for part in self.parts.values() for sink in part.sinks}

    def counts_of_part(self, number: int) -> Counts:
        """What earlier processes did of a part."""
        part = self.parts.get(number)
        failed = failure_counts(part.failures if part is not None else ())
        done = sum(last - first + 1 for first, last in self.done.get(number, ()))
        return failed + Counts(ok=done - failed.tried)

    def position(self, number: int) -> SourcePosition | None:
        """Where the source of a part can go on, if all before that is done; a redone marker may lie before it."""
        part = self.parts.get(number)
        done = self.done.get(number, ())
        if part is None or part.source is None or not done or done[0][0] != 1 or done[0][1] < part.source.n:
            return None
        return part.source

    def rest(self, source: ParameterSource, number: int) -> ParameterSource:
        """The sets of `source` that a part has still to do."""
        done = self.done.get(number, ())
        if self.only is not None:
            known = Ranges(done)
            return Only(source, [gap for wanted in self.only.get(number, ()) for gap in known.gaps(*wanted)])
        return source if self.record is None else Remaining(source, done)

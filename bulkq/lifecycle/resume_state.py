"""The state that a resume or retry starts from: what is done, what is left, where files continue. Empty for a new run."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.batch import failure_counts
from bulkq.model.counts import Counts
from bulkq.model.dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.errors import BulkqError
    from bulkq.model import Failure, MarkerTables, RecordedPart, RunRecord


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
        failures: of all earlier processes.
        outputs: by path, how far the ledger knows each output; None of a run that has written none yet.
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
    outputs: Mapping[str, int] | None = None
    failures: Sequence[Failure] = ()

    def counts_of_part(self, number: int) -> Counts:
        """What earlier processes did of a part."""
        part = self.parts.get(number)
        failed = failure_counts(part.failures if part is not None else ())
        done = sum(last - first + 1 for first, last in self.done.get(number, ()))
        return failed + Counts(ok=done - failed.tried)

"""The state that a resume or retry starts from: what is done, what is left, where files continue. Empty for a new run."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.counts import Counts
from bulkq.model.failure import failure_counts
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.merged_number_ranges import numbers_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.errors import BulkqError
    from bulkq.model import Failure, MarkerTables, RecordedPart, RunRecord
    from bulkq.model.run_record import RecordedDatabase


@frozen(kw_only=True)
class ResumeState:
    """The state of a run when this process begins. For a retry: the state that it takes from the run that it repeats.

    Attributes:
        record: the record of the run that is resumed.
        repeats: the record of the run that is retried.
        owner: this process, which has taken the run over.
        parts: by number of the part, its record in the ledger.
        done: by number of the part, the sets that are not executed again.
        only: by number of the part, the sets of a retry with their old numbers; None: the run is over all of its source.
        forgotten: by number of the part, sets that the database has answered as applied, and of which it has no marker any more.
            If the run writes rows, they are in `counts.unanswered`, because the rows that they gave first stay in the output.
        tables: of markers, by place of the target.
        identities: of databases, by place of the target.
        databases: of a retry, by place of the target, what the run that it repeats has recorded of its database.
        lost: targets that could not be taken over, by place.
        spools: of sources, by place of the query.
        leftovers: files of earlier runs beside the ledger that this run needs; removed when it ends without failures.
        counts: of all earlier processes.
        failures: of all earlier processes.
        outputs: by path, the recorded length of each output in bytes; None if the run has written none yet.
        failed_again: of a backfill: its failed ranges are done again.
        whole_again: of a backfill: the whole key is gone over once more.
        cut_off: by number of the part, sets that were applied but whose results died with the process; in `counts.unanswered`.
    """

    record: RunRecord | None = None
    repeats: RunRecord | None = None
    owner: str = ""
    parts: Mapping[int, RecordedPart] = field(default_factory=dict)
    done: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    only: Mapping[int, Sequence[tuple[int, int]]] | None = None
    forgotten: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    tables: Mapping[int, MarkerTables] = field(default_factory=dict)
    identities: Mapping[int, str] = field(default_factory=dict)
    databases: Mapping[int, RecordedDatabase] = field(default_factory=dict)
    lost: Mapping[int, BulkqError] = field(default_factory=dict)
    spools: Mapping[int, str] = field(default_factory=dict)
    leftovers: Sequence[str] = ()
    counts: Counts = field(default_factory=Counts)
    cut_off: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    outputs: Mapping[str, int] | None = None
    failures: Sequence[Failure] = ()
    failed_again: bool = False
    whole_again: bool = False

    @property
    def order(self) -> str:
        """How its sets take effect, if sets that follow them in the input were applied before; else ""."""
        if self.only is not None:
            return "the failed sets are applied now, after later ones"
        late = any(lost[0][0] < self.done[part][-1][1] for part, lost in self.forgotten.items() if self.done.get(part))
        return "the sets that the database has lost are applied now, after later ones" if late else ""

    def counts_of_part(self, number: int) -> Counts:
        """Return the counts of a part over the earlier processes."""
        part = self.parts.get(number)
        failed = failure_counts(part.failures if part is not None else ())
        done = numbers_in(self.done.get(number, ()))
        return failed + Counts(ok=done - failed.tried)

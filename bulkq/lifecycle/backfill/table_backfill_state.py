"""The backfill of one table on one target, while it runs."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Literal

from bulkq.model.frozen_dataclass import frozen, mutable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.backfill_catalog import Suspicion
    from bulkq.dialects.query_plan import PlanNode
    from bulkq.lifecycle.backfill.describe_table import TableChanges
    from bulkq.lifecycle.backfill.patient_cutter import PatientCutter
    from bulkq.lifecycle.backfill.range_batches import KeyRangeBatches
    from bulkq.lifecycle.backfill.row_image_queries import FoundImages
    from bulkq.model import Query
    from bulkq.model.key_range import KeyRange, Position, TableFacts


@mutable(kw_only=True)
class TableBackfill:
    """The backfill of a table on one target.

    Attributes:
        facts: of the table; its traces are those of the last look.
        statement: with the place of its range.
        cutter: finds the ends of ranges.
        batches: makes statements and steps of ranges.
        start: of the key space.
        end: of it; None if the table is empty.
        recorded: what earlier processes have recorded of it.
        explained: the plans of a few ranges.
        images: of an undo: what is given back; None for any other.
        events: after which rows may be left; they are judged when all ranges are done.
        advice: the next step if the verification finds something: go over the key `again`, `verify` it again, or start a `new` run.
    """

    facts: TableFacts
    statement: Query
    cutter: PatientCutter
    batches: KeyRangeBatches
    start: Position
    end: Position | None
    recorded: RecordedRanges
    explained: tuple[ExplainedRange, ...] = ()
    images: FoundImages | None = None
    events: list[Suspicion] = field(default_factory=list)
    advice: Literal["again", "verify", "new"] = "again"

    def note(self, since: TableChanges) -> None:
        """Keep what is to be judged when all ranges are done, and compare with this moment the next time."""
        self.events += [event for event in since.events if event not in self.events]
        if since.traces:
            self.facts = replace(self.facts, traces=since.traces)


@mutable(kw_only=True)
class RecordedRanges:
    """What the table of ranges has of a part.

    Attributes:
        start: of the key space.
        end: of it; None if it is not recorded.
        done: ranges that are done, or have failed and stay so, in the order of the key.
        failed: number and range of those that are to be done again.
        lost: numbers of failed ranges whose failure is not in the ledger, because the process died in between; they are cut again.
        last: the greatest number that was given.
        rows: that the ranges which are done had.
    """

    start: Position = ()
    end: Position | None = None
    done: Sequence[KeyRange] = ()
    failed: Sequence[tuple[int, KeyRange]] = ()
    lost: Sequence[int] = ()
    last: int = 0
    rows: int = 0


@frozen
class ExplainedRange:
    """The plan of the statement for one range.

    Attributes:
        name: first, middle or last.
        range: of the key.
        nodes: of the plan that the database chooses, from the top.
        scan: the node that reads the whole table, although it does not have to because the table is small; None if there is none.
    """

    name: str
    range: KeyRange
    nodes: tuple[PlanNode, ...] = ()
    scan: PlanNode | None = None

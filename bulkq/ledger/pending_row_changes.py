"""Changes of the tables for a group of marks: merged ranges, failures, positions. Pure.

A run whose batches end in order has one row of ranges per part, however long it is: a commit extends it. Only what
changed is written.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.ledger.redact_message import shape_of
from bulkq.ledger.row_conversion import Row, source_row
from bulkq.model import STARTED, Outcome
from bulkq.model.counts import changed_in_all
from bulkq.model.frozen_dataclass import mutable
from bulkq.policy.merged_number_ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.model import Failure, Mark, RecordedPart, RunRecord, SourcePosition

KEPT_MESSAGES = 10_000
"""Failures of one process whose words are kept; of more, their numbers and SQLSTATEs are."""

MOST_AHEAD = 1_024
"""Source positions that wait for the gap before them; more are thinned out, which costs a resume some reading."""


@mutable
class RowChanges:
    """Rows to delete, by key, and rows to insert or replace. Without the run, which is the same in all."""

    undone: list[Row] = field(default_factory=list)
    done: list[Row] = field(default_factory=list)
    resolved: list[Row] = field(default_factory=list)
    failures: list[Row] = field(default_factory=list)
    parts: list[Row] = field(default_factory=list)


@mutable
class _PartRecord:
    """The recorded state of one part."""

    done: Ranges = field(default_factory=Ranges)
    earlier: dict[int, Outcome] = field(
        default_factory=dict
    )  # what may still go well, by number: failures of earlier processes, unknowns
    numbers: list[int] = field(default_factory=list)  # keys of `earlier`, ascending
    source: SourcePosition | None = None
    ahead: list[SourcePosition] = field(default_factory=list)
    query: str = ""
    target: str = ""


class PendingRun:
    """A run as the ledger will hold it after the next commit.

    Args:
        record: as the run begins, or as the ledger has it at a takeover.
        states: its parts, at a takeover.
    """

    def __init__(self, record: RunRecord, states: Iterable[RecordedPart] = ()) -> None:
        self.ok = record.ok
        self.failed = record.failed
        self.unknown = record.unknown
        self.changed = record.changed
        self.unanswered = record.unanswered
        tried = record.ok + record.failed + record.unknown
        self._known = tried + record.skipped  # sets, as the last process counted them
        self._number = record.number
        self._messages = 0
        self._parts: dict[int, _PartRecord] = {}
        for state in states:
            earlier = {f.n: f.outcome for f in state.failures}
            named = state.failures[0] if state.failures else None
            self._parts[state.part] = _PartRecord(
                done=Ranges(state.done),
                earlier=earlier,
                numbers=sorted(earlier),
                source=state.source,
                query=named.query if named else "",
                target=named.target if named else "",
            )

    def counts(self) -> Row:
        """The columns of the run that follow from the marks."""
        return {
            "ok": self.ok,
            "failed": self.failed,
            "unknown": self.unknown,
            "skipped": max(0, self._known - self.ok - self.failed - self.unknown),
            "changed": self.changed,
            "unanswered": self.unanswered,
        }

    def take(self, marks: Sequence[Mark]) -> RowChanges:
        """Add `marks`; what has to be written for them."""
        changes = RowChanges()
        by_part: dict[int, list[Mark]] = {}
        for mark in marks:
            by_part.setdefault(mark.part, []).append(mark)
            self.changed = changed_in_all(self.changed, mark.changed)
            self.unanswered += mark.unanswered
        for number, group in by_part.items():
            part = self._parts.setdefault(number, _PartRecord())
            self._ranges(number, part, group, changes)
            self._failures(number, part, group, changes)
            if _source(part, group) or any(mark.failures for mark in group):
                changes.parts.append(
                    {"part": number, "query": part.query, "target": part.target} | source_row(part.source)
                )
        return changes

    def _ranges(self, number: int, part: _PartRecord, marks: Sequence[Mark], changes: RowChanges) -> None:
        before = part.done.count
        dirty: set[int] = set()
        for mark in marks:
            for first, last in mark.ranges:
                dirty.update(part.done.add(first, last))
                if part.numbers:
                    self._resolve(number, part, first, last, changes)
        self.ok += part.done.count - before
        for first in sorted(dirty):
            last_now = part.done.end_of(first)
            if last_now is None:
                changes.undone.append({"part": number, "first": first})
            else:
                changes.done.append({"part": number, "first": first, "last": last_now})

    def _resolve(self, number: int, part: _PartRecord, first: int, last: int, changes: RowChanges) -> None:
        """Remove failures of earlier processes whose sets have succeeded now."""
        left = bisect_left(part.numbers, self._number(first))
        right = bisect_right(part.numbers, self._number(last))
        for n in part.numbers[left:right]:
            self._uncount(part.earlier.pop(n))
            changes.resolved.append({"part": number, "n": n})
        del part.numbers[left:right]

    def _failures(self, number: int, part: _PartRecord, marks: Sequence[Mark], changes: RowChanges) -> None:
        for mark in marks:
            for failure in mark.failures:
                part.query, part.target = failure.query, failure.target
                if failure.n in part.earlier:
                    self._uncount(part.earlier.pop(failure.n))
                    part.numbers.remove(failure.n)
                if failure.outcome is Outcome.UNKNOWN:  # it may be settled yet, as what is only about to be sent is
                    part.earlier[failure.n] = failure.outcome
                    insort(part.numbers, failure.n)
                self._count(failure.outcome)
                changes.failures.append({"part": number} | self._row(failure))

    def _row(self, failure: Failure) -> Row:
        self._messages += failure.message != STARTED  # which goes when the set has ended
        kept = self._messages <= KEPT_MESSAGES
        return {
            "n": failure.n,
            "source": failure.source,
            "outcome": str(failure.outcome),
            "sqlstate": failure.sqlstate,
            "message": shape_of(failure.message, failure.sqlstate, failure.params, failure.valueless) if kept else "",
            "attempts": failure.attempts,
        }

    def _count(self, outcome: Outcome) -> None:
        if outcome is Outcome.UNKNOWN:
            self.unknown += 1
        elif outcome is not Outcome.SKIPPED:
            self.failed += 1

    def _uncount(self, outcome: Outcome) -> None:
        if outcome is Outcome.UNKNOWN:
            self.unknown -= 1
        elif outcome is not Outcome.SKIPPED:
            self.failed -= 1


def with_run(rows: Iterable[Mapping[str, object]], run: str) -> list[Row]:
    """`rows` of the run `run`."""
    return [{"run": run, **row} for row in rows]


def _source(part: _PartRecord, marks: Sequence[Mark]) -> bool:
    """Move the source's position to the last one before which nothing is missing; whether it moved."""
    for mark in marks:
        if mark.source is not None:
            insort(part.ahead, mark.source, key=_number)
    reached = bisect_right(part.ahead, part.done.prefix, key=_number)
    moved = part.ahead[reached - 1] if reached else None
    del part.ahead[:reached]
    if len(part.ahead) > MOST_AHEAD:
        del part.ahead[1::2]
    if moved is None or (part.source is not None and moved.n <= part.source.n):
        return False
    part.source = moved
    return True


def _number(source: SourcePosition) -> int:
    return source.n

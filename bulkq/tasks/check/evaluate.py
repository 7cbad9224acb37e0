"""Evaluate the results of a check's query: `CheckJudge`, one for each part.

Every parameter set is a check of its own, with a sink of its own. If a check is compared with another query, both are parts
of the run, and the later answer decides.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.checks import verdict as deciding
from bulkq.checks.unmatched_rows import tell_apart
from bulkq.model import BatchResult, CheckResult, Verdict
from bulkq.model.check_conditions import Measure
from bulkq.sinks.csv_tsv import cell_text
from bulkq.sinks.extra_columns import ROWCOUNT, is_rowcount
from bulkq.tasks.check.build_results import (
    Answer,
    blank,
    counted,
    error_text,
    internal,
    refused_result,
    shown_params,
    taken,
    unknown_failure,
)
from bulkq.tasks.check.find_differing_rows import FoundRows, find_differences
from bulkq.tasks.check.sink import CheckSink, shortened
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.errors import RefusedError
    from bulkq.model import Batch, Column, PastCheck, Query
    from bulkq.model.check_conditions import CheckRules
    from bulkq.protocols import Sink
    from bulkq.tasks.check.result_book import Book, CheckPlace

OTHER_SETS = (
    "the query of its parameter sets gave other rows the second time: add ORDER BY, or write the sets to a file"
)

BOOLEANS = ({"true", "1"}, {"false", "0"})
"""Texts of a boolean of PostgreSQL, and of the same on a database that takes it as a number."""

SIDE = "only_in"
"""The column that says which side a differing row comes from."""


class CheckJudge:
    """Decides on the answers of one part.

    Args:
        place: the check.
        book: where results go.
        digest: of a parameter set, for the ledger.
    """

    def __init__(self, place: CheckPlace, book: Book, digest: Digest) -> None:
        self.place = place
        self.pair: Pair | None = None
        """Set where the check is compared with another query."""

        self._book = book
        self._digest = digest
        self.open: dict[int, Answer] = {}
        """Of sets that have begun and not ended, by batch."""

    def begin(self, batch: Batch) -> Sink:
        """A sink for the answer to the only set of `batch`."""
        rules = self.place.rules
        sink = CheckSink(
            sample=rules.sample,
            mask=rules.mask,
            most_rows=self.place.most_rows,
            compared=self.pair is not None,
        )
        self.open[batch.index] = Answer(batch.first, sink, batch, time.monotonic())
        return sink

    def refused(self, batch: Batch, error: RefusedError) -> BatchResult:
        """The read-only guard's words as the failure of the set."""
        return refused_result(self.place, batch, error)

    async def decide(self, result: BatchResult) -> BatchResult:
        """`result` counted by its verdict: ok for pass and warn, failed for fail, unknown for error."""
        answer = taken(self.open.pop(result.batch.index), result)
        if self.pair is not None:
            decided = await self.pair.check_came(answer)
        else:
            decided = [self._settled(answer)]
            answer.sink.discard()
        return counted(result, self.place, decided)

    def _settled(self, answer: Answer) -> CheckResult:
        try:
            return self.settle(answer, None)
        except Exception as error:  # noqa: BLE001 - see `broken`
            return self.broken(answer, error)

    def broken(self, answer: Answer, error: Exception) -> CheckResult:
        """The result of a check on which our own code broke: its error, and nothing that ends the run and its reports."""
        result = replace(
            blank(self.place),
            message=internal(error),
            began_s=max(0.0, answer.began_s - self._book.started_s),
            elapsed_s=answer.elapsed_s,
        )
        self._book.put(self.place, answer.n, result, self._digest(self.place.query, answer.batch))
        return result

    def settle(
        self, answer: Answer, compared: deciding.ComparisonResult | None, rows: Sequence[tuple[str | None, ...]] = ()
    ) -> CheckResult:
        """The result of one set, kept in the book.

        Args:
            answer: of the check's own query.
            compared: with another query's.
            rows: that differ; they are shown in place of the first rows.
        """
        place, sink = self.place, answer.sink
        digest = self._digest(place.query, answer.batch)
        past = None if place.past is None else place.past.get(digest, ())
        if answer.failure is not None:
            decision = deciding.CheckDecision(Verdict.ERROR, error_text(place, answer.failure))
        else:
            decision = self._decision(sink, compared, past)
        value = MASK if decision.value is not None and sink.masked else shortened(decision.value)
        shown = decision.verdict in {Verdict.WARN, Verdict.FAIL} and not sink.unknown_masks
        sample = tuple(rows) if compared is not None else _offenders(place.rules, sink)
        result = replace(
            blank(place),
            verdict=decision.verdict,
            message=decision.message,
            value=value,
            rows=None if answer.failure is not None else _rows_of(sink, compared),
            columns=_columns(sink, compared) if shown and sample else (),
            sample=sample if shown else (),
            params=shown_params(place, answer.batch),
            sqlstate=answer.failure.sqlstate if answer.failure is not None else None,
            began_s=max(0.0, answer.began_s - self._book.started_s),
            elapsed_s=answer.elapsed_s,
            history=tuple(past or ()),
        )
        self._book.put(place, answer.n, result, digest)
        return result

    def _decision(
        self, sink: CheckSink, compared: deciding.ComparisonResult | None, past: Sequence[PastCheck] | None
    ) -> deciding.CheckDecision:
        place = self.place
        if _has_no_columns(place.query, sink.columns):
            return deciding.CheckDecision(
                Verdict.ERROR, "the statement returns no columns: there is nothing to look at"
            )
        if sink.unknown_masks:
            names = ", ".join(f'"{name}"' for name in sink.unknown_masks)
            there = ", ".join(column.name for column in sink.columns)
            return deciding.CheckDecision(
                Verdict.ERROR, f"@mask {names} is not a column of the result ({there}): nothing is shown"
            )
        measured = deciding.Measurement(
            rows=sink.count,
            columns=sink.columns,
            value=sink.value,
            masked=bool(sink.masked),
            compared=compared,
            past=None if past is None else [one for one in past if one.verdict is not Verdict.ERROR],
        )
        return deciding.decide(place.rules, measured, self._book.today)


class Digest:
    """Names a parameter set without its values: what tells the sets of a check apart from run to run."""

    def __call__(self, query: Query, batch: Batch) -> str:
        """Hexadecimal; "" for a query without parameters. Secret values have no part in it."""
        from hashlib import blake2b

        if not query.parameters:
            return ""
        values = [None if p.secret else v for p, v in zip(query.parameters, batch.sets[0], strict=True)]
        return blake2b(repr(values).encode(), digest_size=8).hexdigest()


# --- comparing -----------------------------------------------------------------------------------------------------


class Pair:
    """A check and the query that it is compared with; the last of two answers decides.

    Args:
        judge: of the check.
        other: what it is compared with, for people.
        query: the other query. If it has no parameters, one answer of it stands for every set.
        asked_twice: the parameter sets of both come from a query, which may have given other rows the second time.
    """

    def __init__(self, judge: CheckJudge, other: str, query: Query, *, asked_twice: bool) -> None:
        self._judge = judge
        self._other = other
        self._query = query
        self._once = not query.parameters
        self.asked_twice = asked_twice
        self._checks: dict[int, Answer] = {}
        self._others: dict[int, Answer] = {}

    async def check_came(self, answer: Answer) -> list[CheckResult]:
        """An answer of the check; the results that can be decided now."""
        self._checks[answer.n] = answer
        return await self._decide()

    async def other_came(self, answer: Answer) -> list[CheckResult]:
        """An answer of the other query; the results that can be decided now."""
        self._others[answer.n] = answer
        return await self._decide()

    async def never_came(self, message: str) -> list[CheckResult]:
        """The run has ended: what still waits for the other's answer is an error."""
        decided = []
        for answer in self._checks.values():
            answer.failure = unknown_failure(answer, self._judge.place, f"{self._other}: {message}", None)
            decided.append(self._judge.settle(answer, None))
            answer.sink.discard()
        self._checks.clear()
        self.discard()
        return decided

    def has_more_sets(self, taken: int) -> bool:
        """Whether the other query had more parameter sets than the check, which had `taken`."""
        return not self._once and max(self._others, default=0) > taken

    def discard(self) -> None:
        """Give back what was kept of the other's answers."""
        for answer in self._others.values():
            answer.sink.discard()
        self._others.clear()

    async def _decide(self) -> list[CheckResult]:
        decided = []
        ready = [n for n in self._checks if (1 if self._once else n) in self._others]
        for n in ready:
            answer = self._checks.pop(n)
            other = self._others[1] if self._once else self._others.pop(n)
            try:
                decided.append(await self._compare(answer, other))
            except Exception as error:  # noqa: BLE001 - see `broken`
                decided.append(self._judge.broken(answer, error))
            answer.sink.discard()
            if not self._once:
                other.sink.discard()
        return decided

    async def _compare(self, answer: Answer, other: Answer) -> CheckResult:
        if answer.failure is None and other.failure is not None:
            message = f"{self._other}: {error_text(self._judge.place, other.failure)}"
            answer.failure = unknown_failure(answer, self._judge.place, message, other.failure.sqlstate)
        elif answer.failure is None and not self._same_set(answer, other):
            message = f"{self._other}: {OTHER_SETS}"
            answer.failure = unknown_failure(answer, self._judge.place, message, None)
        if answer.failure is not None:
            return self._judge.settle(answer, None)
        here, there = answer.sink, other.sink
        if len(here.columns) != len(there.columns):
            return self._judge.settle(
                answer, deciding.ComparisonResult(self._other, same=False, columns=len(there.columns), rows=there.count)
            )
        if here.count == there.count and here.buckets == there.buckets:
            return self._judge.settle(answer, deciding.ComparisonResult(self._other, same=True, rows=there.count))
        found = await asyncio.to_thread(find_differences, here, there, self._judge.place.rules.sample)
        compared = deciding.ComparisonResult(self._other, same=False, rows=there.count)
        if found is None:
            return self._judge.settle(answer, compared)
        compared = replace(compared, here=found.here, there=found.there, at_least=found.at_least)
        return self._judge.settle(answer, compared, self._shown(answer, found))

    def _same_set(self, answer: Answer, other: Answer) -> bool:
        """Whether both answers are for the same parameter values."""
        if not self.asked_twice or self._once:
            return True
        known = dict(zip((p.name for p in self._judge.place.query.parameters), answer.batch.sets[0], strict=True))
        values = zip(self._query.parameters, other.batch.sets[0], strict=True)
        return all(_alike(known[parameter.name], value) for parameter, value in values)

    def _shown(self, answer: Answer, found: FoundRows) -> list[tuple[str | None, ...]]:
        """The rows that a report shows, half of each side where there are enough, with the side that each comes from."""
        most = self._judge.place.rules.sample
        name, hide = self._judge.place.query.name, answer.sink.hide
        ours, theirs = tell_apart([hide(row) for row in found.only_here], [hide(row) for row in found.only_there])
        half = most - min(most // 2, len(theirs))
        shown = [(name, *row) for row in ours[:half]]
        return [*shown, *((self._other, *row) for row in theirs[: most - len(shown)])]


class Reference:
    """The judge of the query that a check is compared with: its answer is kept until the check's is there."""

    def __init__(self, pair: Pair, place: CheckPlace) -> None:
        self._pair = pair
        self._place = place
        self.open: dict[int, Answer] = {}

    def begin(self, batch: Batch) -> Sink:
        """See `CheckJudge.begin`."""
        sink = CheckSink(sample=0, mask=(), most_rows=self._place.most_rows, compared=True)
        self.open[batch.index] = Answer(batch.first, sink, batch, time.monotonic())
        return sink

    def refused(self, batch: Batch, error: RefusedError) -> BatchResult:
        """See `CheckJudge.refused`."""
        return refused_result(self._place, batch, error)

    async def decide(self, result: BatchResult) -> BatchResult:
        """`result` counts nothing itself; what it decides is counted here."""
        answer = taken(self.open.pop(result.batch.index), result)
        return counted(result, self._place, await self._pair.other_came(answer))


def _alike(value: object, other: object) -> bool:
    """Whether two parameter values are the same, though their targets may take them as text and as a number."""
    if value == other or value is None or other is None:
        return value == other
    texts = {cell_text(value), cell_text(other)}
    return len(texts) == 1 or (type(value) is not type(other) and texts in BOOLEANS)


def _rows_of(sink: CheckSink, compared: deciding.ComparisonResult | None) -> int:
    """How many rows a check found: those that differ, where rows were compared and could be told apart."""
    if compared is None or compared.same or compared.here is None or compared.there is None:
        return sink.count
    return compared.here + compared.there


def _has_no_columns(query: Query, columns: tuple[Column, ...]) -> bool:
    """Whether the statement returned no columns: the result is a driver's count of rows, or of an unknown PRAGMA nothing."""
    if not columns:
        return True
    nothing = [column.name for column in columns] == [ROWCOUNT] and ROWCOUNT not in query.sql.lower()
    return nothing or is_rowcount(query, columns)


def _offenders(rules: CheckRules, sink: CheckSink) -> tuple[tuple[str | None, ...], ...]:
    """The first rows, where rows are what the check is about."""
    conditions = (*rules.expect, *rules.warn, *rules.fail)
    if conditions and not any(c.measure is Measure.ROWS for c in conditions):
        return ()
    return tuple(sink.sample)


def _columns(sink: CheckSink, compared: deciding.ComparisonResult | None) -> tuple[str, ...]:
    names = tuple(column.name for column in sink.columns)
    return (SIDE, *names) if compared is not None else names

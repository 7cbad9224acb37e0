"""From the answers of a check's query to its verdicts. The runner calls `Judge`; `bulkq.tasks.check.task` makes one per part.

Every parameter set is a check of its own, with a sink of its own. Where a check is compared with another query, both
are parts of the run, and whoever comes last decides.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from bulkq.checks import verdict as deciding
from bulkq.checks.row_diff import Differences, groups, tell_apart
from bulkq.errors import DatabaseError
from bulkq.ledger.message_shape import shape_of
from bulkq.model import BatchResult, CheckResult, Failure, Outcome, Verdict
from bulkq.model.conditions import Measure
from bulkq.policy.mask_values import without_secrets
from bulkq.policy.retry import READ_ONLY
from bulkq.sinks.extra_columns import ROWCOUNT, is_rowcount
from bulkq.tasks.check.collector import CheckSink, shortened
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from bulkq.checks.row_diff import Row
    from bulkq.errors import RefusedError
    from bulkq.model import Batch, Column, PastCheck, Query
    from bulkq.model.conditions import CheckRules
    from bulkq.protocols import Sink

COMPARED_AT_ONCE = 2_000
"""Rows of each side that are looked at together, so that rows in the same order find each other soon."""

MOST_PASSES = 4
"""Times that both answers are read to find what differs: with more rows that differ, "at least" stands before their number."""

LIBRARYS_OWN = "XX000"
"""Stands for the SQLSTATE that the message of a library lacks: of such a message only known forms are shown."""

HELD_BACK = "the message may hold masked values: run the query without @mask to read it"

SIDE = "only_in"
"""The column that says which side a differing row comes from."""


@dataclass(frozen=True, slots=True)
class Place:
    """One check on one target: where its results stand among the others, and what is known of it before it runs."""

    order: int
    key: str  # file and name, the same in every run
    query: Query
    rules: CheckRules
    target: str
    past: Mapping[str, Sequence[PastCheck]] | None  # by the digest of the parameters; None: there is no ledger
    most_rows: int

    @property
    def compared(self) -> bool:
        """Whether its rows are compared with those of another query."""
        return any(condition.measure is Measure.SAME for condition in self.rules.expect)


@dataclass(slots=True)
class Book:
    """The results so far, of all checks of a run.

    Attributes:
        started_s: when the run began, on the monotonic clock.
        today: in UTC.
        results: by place and number of the parameter set, with the digest of the parameters.
    """

    started_s: float
    today: date
    results: dict[tuple[int, int], tuple[CheckResult, str]] = field(default_factory=dict)

    def put(self, place: Place, n: int, result: CheckResult, digest: str = "") -> None:
        """Keep a result."""
        self.results[place.order, n] = result, digest


@dataclass(slots=True)
class Answer:
    """What came of one set: its rows, or why there are none."""

    n: int
    sink: CheckSink
    batch: Batch
    began_s: float
    elapsed_s: float = 0.0
    failure: Failure | None = None


class Judge:
    """Decides on the answers of one part.

    Args:
        place: the check.
        book: where results go.
        digest: of a parameter set, for the ledger.
    """

    def __init__(self, place: Place, book: Book, digest: Digest) -> None:
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
        self, answer: Answer, compared: deciding.Compared | None, rows: Sequence[tuple[str | None, ...]] = ()
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
        self, sink: CheckSink, compared: deciding.Compared | None, past: Sequence[PastCheck] | None
    ) -> deciding.CheckDecision:
        place = self.place
        if _is_count(place.query, sink.columns):
            return deciding.CheckDecision(
                Verdict.ERROR, "the statement returns no columns: there is nothing to look at"
            )
        if sink.columns and sink.unknown_masks:
            names = ", ".join(f'"{name}"' for name in sink.unknown_masks)
            there = ", ".join(column.name for column in sink.columns)
            return deciding.CheckDecision(
                Verdict.ERROR, f"@mask {names} is no column of the result ({there}): nothing is shown"
            )
        measured = deciding.Measured(
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
        once: the other query has no parameters: one answer of it stands for every set.
    """

    def __init__(self, judge: Judge, other: str, *, once: bool) -> None:
        self._judge = judge
        self._other = other
        self._once = once
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
            answer.failure = _failure(answer, self._judge.place, f"{self._other}: {message}", None)
            decided.append(self._judge.settle(answer, None))
            answer.sink.discard()
        self._checks.clear()
        self.discard()
        return decided

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
            answer.failure = _failure(answer, self._judge.place, message, other.failure.sqlstate)
        if answer.failure is not None:
            return self._judge.settle(answer, None)
        here, there = answer.sink, other.sink
        if len(here.columns) != len(there.columns):
            return self._judge.settle(
                answer, deciding.Compared(self._other, same=False, columns=len(there.columns), rows=there.count)
            )
        if here.count == there.count and here.buckets == there.buckets:
            return self._judge.settle(answer, deciding.Compared(self._other, same=True, rows=there.count))
        found = await asyncio.to_thread(_differences, here, there, self._judge.place.rules.sample)
        compared = deciding.Compared(self._other, same=False, rows=there.count)
        if found is None:
            return self._judge.settle(answer, compared)
        compared = replace(compared, here=found.here, there=found.there, at_least=found.at_least)
        return self._judge.settle(answer, compared, self._shown(answer, found))

    def _shown(self, answer: Answer, found: _Found) -> list[tuple[str | None, ...]]:
        """The rows that a report shows, half of each side where there are enough, with the side that each comes from."""
        most = self._judge.place.rules.sample
        name, hide = self._judge.place.query.name, answer.sink.hide
        ours, theirs = tell_apart([hide(row) for row in found.only_here], [hide(row) for row in found.only_there])
        half = most - min(most // 2, len(theirs))
        shown = [(name, *row) for row in ours[:half]]
        return [*shown, *((self._other, *row) for row in theirs[: most - len(shown)])]


class Reference:
    """The judge of the query that a check is compared with: its answer is kept until the check's is there."""

    def __init__(self, pair: Pair, place: Place) -> None:
        self._pair = pair
        self._place = place
        self.open: dict[int, Answer] = {}

    def begin(self, batch: Batch) -> Sink:
        """See `Judge.begin`."""
        sink = CheckSink(sample=0, mask=(), most_rows=self._place.most_rows, compared=True)
        self.open[batch.index] = Answer(batch.first, sink, batch, time.monotonic())
        return sink

    def refused(self, batch: Batch, error: RefusedError) -> BatchResult:
        """See `Judge.refused`."""
        return refused_result(self._place, batch, error)

    async def decide(self, result: BatchResult) -> BatchResult:
        """`result` counts nothing itself; what it decides is counted here."""
        answer = taken(self.open.pop(result.batch.index), result)
        return counted(result, self._place, await self._pair.other_came(answer))


@dataclass(slots=True)
class _Found:
    """What differs between two answers: how many rows of each side, and the first of them."""

    only_here: list[tuple[str | None, ...]]
    only_there: list[tuple[str | None, ...]]
    here: int = 0
    there: int = 0
    at_least: bool = False


def _differences(here: CheckSink, there: CheckSink, most: int) -> _Found | None:
    """What differs, with at most `most` rows of each side; None where it cannot be shown. In a thread: reads two files."""
    if not (here.whole and there.whole):
        return None
    passes = groups(here.buckets.differing(there.buckets))
    found = _Found([], [], at_least=len(passes) > MOST_PASSES)
    for buckets in passes[:MOST_PASSES]:
        ours, theirs = _left(here.rows(buckets), there.rows(buckets))
        found.here += len(ours)
        found.there += len(theirs)
        found.only_here += ours[: most - len(found.only_here)]
        found.only_there += theirs[: most - len(found.only_there)]
    return found


def _left(left: Iterator[Row], right: Iterator[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """The rows that only one side has."""
    differences = Differences()
    while True:
        ours, theirs = list(islice(left, COMPARED_AT_ONCE)), list(islice(right, COMPARED_AT_ONCE))
        if not ours and not theirs:
            return differences.left()
        differences.take(ours, theirs)


# --- parts of a result ---------------------------------------------------------------------------------------------


def taken(answer: Answer, result: BatchResult) -> Answer:
    """`answer` with what `result` brings: the last rows, or the failure."""
    answer.elapsed_s = result.elapsed_s or time.monotonic() - answer.began_s
    if result.failures:
        answer.failure = result.failures[0]
        return answer
    try:
        answer.sink.take(result)
    except DatabaseError as error:
        answer.failure = Failure(
            n=answer.n,
            source="",
            target=result.target,
            query=result.query.name,
            params={},
            outcome=Outcome.ROLLED_BACK,
            sqlstate=error.sqlstate,
            message=str(error),
            attempts=1,
        )
    return answer


def internal(error: Exception) -> str:
    """An error that nobody thought of, for a person."""
    return f"internal error: {type(error).__name__}: {' '.join(str(error).split())} (report it)"


def refused_result(place: Place, batch: Batch, error: RefusedError) -> BatchResult:
    """A batch whose only set failed because it was refused, by the server or by a driver."""
    said = error.__context__
    server = said if isinstance(said, DatabaseError) else None
    failure = Failure(
        n=batch.first,
        source="",
        target=place.target,
        query=place.query.name,
        params={},
        outcome=Outcome.ROLLED_BACK,
        sqlstate=server.sqlstate if server is not None else None,
        message=without_secrets(str(server or error), place.query, batch.sets),
        attempts=1,
    )
    return BatchResult(batch, place.query, place.target, (), (), (), ok=0, failures=(failure,))


def counted(result: BatchResult, place: Place, decided: Sequence[CheckResult]) -> BatchResult:
    """`result` without its rows, with the counts of what was decided."""
    good = sum(one.verdict in {Verdict.PASS, Verdict.WARN} for one in decided)
    bad = [one for one in decided if one.verdict in {Verdict.FAIL, Verdict.ERROR}]
    failures = tuple(_counted(result, place, one) for one in bad)
    return replace(result, columns=(), values=(), positions=(), ok=good, failures=failures)


def _counted(result: BatchResult, place: Place, decided: CheckResult) -> Failure:
    return Failure(
        n=result.batch.first,
        source="",
        target=place.target,
        query=place.query.name,
        params={},
        outcome=Outcome.UNKNOWN if decided.verdict is Verdict.ERROR else Outcome.ROLLED_BACK,
        sqlstate=decided.sqlstate,
        message=decided.message,
        attempts=result.attempts,
    )


def _failure(answer: Answer, place: Place, message: str, sqlstate: str | None) -> Failure:
    return Failure(
        n=answer.n,
        source="",
        target=place.target,
        query=place.query.name,
        params={},
        outcome=Outcome.UNKNOWN,
        sqlstate=sqlstate,
        message=message,
        attempts=1,
    )


def blank(place: Place) -> CheckResult:
    """The result of a check of which nothing is known yet."""
    query = place.query
    return CheckResult(
        name=query.name,
        file=query.file,
        line=query.line,
        target=place.target,
        verdict=Verdict.ERROR,
        expected=deciding.expected(place.rules),
        message="not run",
        description=query.description,
        owner=next(iter(query.metadata.get("owner", ())), ""),
        tags=query.tags,
    )


def shown_params(place: Place, batch: Batch) -> dict[str, str | None]:
    """The parameters of the only set of `batch` as text; as `***` what is secret, or has the name of a masked column."""
    query, values = place.query, batch.sets[0]
    hidden = frozenset(name.casefold() for name in place.rules.mask)
    return {
        p.name: MASK if p.secret or p.name.casefold() in hidden else None if v is None else str(v)
        for p, v in zip(query.parameters, values, strict=True)
    }


def error_text(place: Place, failure: Failure) -> str:
    """Why a check could not be evaluated, on one line. Of a check that masks columns, a server's message loses its values."""
    message = failure.message
    if failure.sqlstate in READ_ONLY:
        message = f"it tries to change data, and a check only reads: {message}"
    if place.rules.mask and not (failure.sqlstate or "").startswith("BQ"):  # our own words hold no values
        message = shape_of(message, failure.sqlstate or LIBRARYS_OWN, failure.params) or HELD_BACK
    where = f" ({failure.where})" if failure.where else ""
    # A check runs inside a transaction: only there can it be kept from writing.
    told = failure.hint and not place.rules.mask and "@transaction off" not in failure.hint
    hint = f" (hint: {failure.hint})" if told else ""
    return f"{' '.join(message.split())}{where}{hint}"


def _rows_of(sink: CheckSink, compared: deciding.Compared | None) -> int:
    """How many rows a check found: those that differ, where rows were compared and could be told apart."""
    if compared is None or compared.same or compared.here is None or compared.there is None:
        return sink.count
    return compared.here + compared.there


def _is_count(query: Query, columns: tuple[Column, ...]) -> bool:
    """Whether the result is a driver's count of rows, which it gives where a statement returns no columns."""
    nothing = [column.name for column in columns] == [ROWCOUNT] and ROWCOUNT not in query.sql.lower()
    return nothing or is_rowcount(query, columns)


def _offenders(rules: CheckRules, sink: CheckSink) -> tuple[tuple[str | None, ...], ...]:
    """The first rows, where rows are what the check is about."""
    conditions = (*rules.expect, *rules.warn, *rules.fail)
    if conditions and not any(c.measure is Measure.ROWS for c in conditions):
        return ()
    return tuple(sink.sample)


def _columns(sink: CheckSink, compared: deciding.Compared | None) -> tuple[str, ...]:
    names = tuple(column.name for column in sink.columns)
    return (SIDE, *names) if compared is not None else names

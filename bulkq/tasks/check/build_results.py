"""Build the result of a check from the answer to its query, or from the failure that came in its place."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.checks import verdict as deciding
from bulkq.errors import DatabaseError
from bulkq.ledger.redact_message import shape_of
from bulkq.model import BatchResult, CheckResult, Failure, Outcome, Verdict
from bulkq.model.frozen_dataclass import mutable
from bulkq.policy.mask_values import without_secrets
from bulkq.policy.retry import READ_ONLY
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.errors import RefusedError
    from bulkq.model import Batch, Query
    from bulkq.tasks.check.result_book import CheckPlace
    from bulkq.tasks.check.sink import CheckSink

LIBRARYS_OWN = "XX000"
"""Stands for the SQLSTATE that the message of a library lacks: of such a message only known forms are shown."""

HELD_BACK = "the message may hold masked values: run the query without @mask to read it"


@mutable
class Answer:
    """What came of one set: its rows, or why there are none."""

    n: int
    sink: CheckSink
    batch: Batch
    began_s: float
    elapsed_s: float = 0.0
    failure: Failure | None = None


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
    """The message for an unexpected error."""
    return f"internal error: {type(error).__name__}: {' '.join(str(error).split())} (report it)"


def refused_result(place: CheckPlace, batch: Batch, error: RefusedError) -> BatchResult:
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
        message=without_secrets(_without_advice(str(server or error), place.query), place.query, batch.sets),
        attempts=1,
    )
    return BatchResult(batch, place.query, place.target, (), (), (), ok=0, failures=(failure,))


def _without_advice(message: str, query: Query) -> str:
    """What a driver says of `query`, without an option that checks do not have."""
    return message.removeprefix(f"{query.place}: ").removesuffix(": add --write")


def counted(result: BatchResult, place: CheckPlace, decided: Sequence[CheckResult]) -> BatchResult:
    """`result` without its rows, with the counts of what was decided."""
    good = sum(one.verdict in {Verdict.PASS, Verdict.WARN} for one in decided)
    bad = [one for one in decided if one.verdict in {Verdict.FAIL, Verdict.ERROR}]
    failures = tuple(_counted(result, place, one) for one in bad)
    return replace(result, columns=(), values=(), positions=(), ok=good, failures=failures)


def _counted(result: BatchResult, place: CheckPlace, decided: CheckResult) -> Failure:
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


def unknown_failure(answer: Answer, place: CheckPlace, message: str, sqlstate: str | None) -> Failure:
    """The failure of a set that has no verdict."""
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


def blank(place: CheckPlace) -> CheckResult:
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


def shown_params(place: CheckPlace, batch: Batch) -> dict[str, str | None]:
    """The parameters of the only set of `batch` as text; as `***` what is secret, or has the name of a masked column."""
    query, values = place.query, batch.sets[0]
    hidden = frozenset(name.casefold() for name in place.rules.mask)
    return {
        p.name: MASK if p.secret or p.name.casefold() in hidden else None if v is None else str(v)
        for p, v in zip(query.parameters, values, strict=True)
    }


def error_text(place: CheckPlace, failure: Failure) -> str:
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

"""A summary as a list of findings: its checks, or for `bulkq run` its queries. Every format that lists verdicts starts here.

A finding is a `CheckResult`. What a run came to besides its queries or checks (it stopped, was refused, could tell nothing) is a
finding too, so that no reader of a report sees green where the exit code is not 0.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.model import CheckResult, Status, Verdict
from bulkq.model.counts import changed_text
from bulkq.reports.escape import escape_line
from bulkq.reports.repository_paths import repository_path
from bulkq.reports.summary_lines import failure_word
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import Failure, QueryCounts, RunSummary

WORST_FIRST = (Verdict.ERROR, Verdict.FAIL, Verdict.WARN, Verdict.SKIP, Verdict.PASS)
QUIET = (Verdict.PASS, Verdict.SKIP)
"""Verdicts of which a list of problems has none."""

FAILURE_COLUMNS = ("n", "source", "outcome", "sqlstate", "message", "where")
"""Of the rows that a query's finding shows."""


def list_findings(summary: RunSummary) -> tuple[CheckResult, ...]:
    """Everything that has a verdict, in the order of the files; the run itself comes last where it has something to say."""
    found = list(summary.checks) or [_of_query(query, summary) for query in summary.queries]
    if summary.status is Status.INCOMPLETE:
        found.append(_of_verification(summary))
    elif not _explained(summary, found):
        found.append(_of_run(summary))
    return tuple(found)


def worst_first(found: Iterable[CheckResult]) -> list[CheckResult]:
    """Errors, failures, warnings, skipped ones, passes; each kind in the order it had."""
    return sorted(found, key=lambda finding: WORST_FIRST.index(finding.verdict))


def count_verdicts(found: Iterable[CheckResult]) -> dict[Verdict, int]:
    """How many of each verdict, the worst first, the zeros with them, except that of skipped ones."""
    counts = Counter(finding.verdict for finding in found)
    return {verdict: counts[verdict] for verdict in WORST_FIRST if counts[verdict] or verdict is not Verdict.SKIP}


def tally_text(found: Sequence[CheckResult], noun: str) -> str:
    """`12 checks: 9 pass, 1 fail, 2 error`, the zeros left out."""
    counts = [f"{count:,} {verdict}" for verdict, count in reversed(count_verdicts(found).items()) if count]
    plural = "queries" if noun == "query" else f"{noun}s"
    return f"{counted(len(found), noun, plural)}: {', '.join(counts)}" if counts else f"no {plural}"


def choose_noun(summary: RunSummary) -> str:
    """The noun for its findings: check or query."""
    return "check" if summary.checks or not summary.queries else "query"


def format_title(finding: CheckResult) -> str:
    """`orders_have_customers[country=DE]`: the name that distinguishes it on its target. One line."""
    if not finding.params:
        return escape_line(finding.name, 200)
    values = ", ".join(f"{name}={'NULL' if value is None else value}" for name, value in finding.params.items())
    return f"{escape_line(finding.name, 200)}[{escape_line(values, 200)}]"


def describe_ending(status: str, reason: str) -> str:
    """`stopped: the deadline of 5s passed`; what stands in parentheses is a remark, and no reason."""
    return f"{status} {reason}" if reason.startswith("(") else f"{status}: {reason}"


def format_place(finding: CheckResult) -> str:
    """`checks/orders.sql:12`, as the user named the file; "" for inline SQL."""
    return escape_line(f"{finding.file}:{finding.line}", 500) if finding.file else ""


def hidden_rows(finding: CheckResult) -> int:
    """Offending rows that `sample` does not hold."""
    return max(0, (finding.rows or 0) - len(finding.sample)) if finding.sample else 0


def compute_fingerprints(found: Sequence[CheckResult]) -> list[str]:
    """For each finding 64 hex digits: the same in every run and unique in this one, whatever its line and message."""
    seen: Counter[str] = Counter()
    made = []
    for finding in found:
        identity = [
            repository_path(finding.file),
            finding.name,
            finding.target,
            sorted(finding.params.items(), key=lambda item: item[0]),
        ]
        text = json.dumps(identity)
        seen[text] += 1
        made.append(hashlib.sha256(f"{text}#{seen[text]}".encode()).hexdigest())
    return made


def _of_query(query: QueryCounts, summary: RunSummary) -> CheckResult:
    mine = [f for f in summary.failures if f.query == query.name and f.target == query.target]
    bad, tried = query.failed + query.unknown, query.ok + query.failed + query.unknown
    verdict = Verdict.ERROR if query.unknown else Verdict.FAIL if query.failed else Verdict.PASS
    if query.unmet:
        verdict = Verdict.SKIP
    elif not tried and summary.exit_code:
        verdict = Verdict.ERROR
    return CheckResult(
        name=query.name,
        file=query.file,
        line=query.line,
        target=query.target,
        verdict=verdict,
        expected=f"every {_unit(query)} ends ok",
        message=_query_message(query, mine, tried),
        rows=bad or None,
        columns=FAILURE_COLUMNS if mine else (),
        sample=tuple(_failure_row(failure) for failure in mine),
        sqlstate=mine[0].sqlstate if mine else None,
    )


def _query_message(query: QueryCounts, failures: Sequence[Failure], tried: int) -> str:
    if query.unmet:
        return query.unmet
    if not tried:
        return "nothing was tried"
    sets = counted(tried, _unit(query))
    parts = [f"{query.failed:,} failed"] if query.failed else []
    parts += [f"{query.unknown:,} unknown"] if query.unknown else []
    if not parts:
        rows = f", {changed_text(query.changed)} rows changed" if query.ranges else ""
        return f"{sets} ok{rows}"
    first = f"; first: {failures[0].message}" if failures and failures[0].message else ""
    return f"of {sets} {' and '.join(parts)}{first}"


def _unit(query: QueryCounts) -> str:
    """The noun for what it counts."""
    return "range" if query.ranges else "parameter set"


def _failure_row(failure: Failure) -> tuple[str | None, ...]:
    outcome = failure_word(failure.outcome)
    message = f"{failure.message} ({failure.hint})" if failure.hint else failure.message
    return (str(failure.n), failure.source or None, outcome, failure.sqlstate, message, failure.where or None)


def _explained(summary: RunSummary, found: Sequence[CheckResult]) -> bool:
    """Whether the findings say why the exit code is what it is."""
    verdicts = {finding.verdict for finding in found}
    if summary.status in (Status.STOPPED, Status.REFUSED):
        return False
    if summary.exit_code == 0:
        return True
    return bool(verdicts & ({Verdict.FAIL, Verdict.ERROR} if summary.exit_code == 1 else {Verdict.ERROR}))


def _of_run(summary: RunSummary) -> CheckResult:
    reason = summary.reason or f"the run ended with exit code {summary.exit_code}"
    untold = [f"{summary.skipped:,} skipped"] if summary.skipped else []
    untold += [f"{summary.unanswered:,} unanswered"] if summary.unanswered else []
    untold += [f"continue with: {summary.resume}"] if summary.resume else []
    return CheckResult(
        name="run",
        file=None,
        line=1,
        target=", ".join(summary.targets),
        verdict=Verdict.ERROR,
        expected="the run reaches its end",
        message="; ".join([describe_ending(summary.status, reason), *untold]),
        elapsed_s=summary.elapsed_s,
    )


def _of_verification(summary: RunSummary) -> CheckResult:
    """What the verification of a backfill has found; the ledger does not keep how much."""
    return replace(
        _of_run(summary),
        name="verify",
        verdict=Verdict.FAIL,
        expected="no row is left",
        message=summary.reason or "rows are left",
    )

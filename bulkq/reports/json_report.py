"""`--report json`: one document per run, for machines."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import bulkq
from bulkq.model.counts import changed_number
from bulkq.model.throttle_wait_total import waits_object
from bulkq.model.worker_status import workers_object
from bulkq.reports.escape import format_json
from bulkq.reports.findings import count_verdicts

if TYPE_CHECKING:
    from bulkq.model import CheckResult, Failure, QueryCounts, RunSummary
    from bulkq.model.maintenance import ObjectResult

VERSION = 1
"""Of the document; a reader that knows it can rely on every key that is there now."""


def json_report(summary: RunSummary) -> str:
    """The document, with a line break at its end. Holds no values of parameters."""
    whole: dict[str, object] = {
        "version": VERSION,
        "tool": f"bulkq {bulkq.__version__}",
        "run": summary.run,
        "status": summary.status.value,
        "exit": summary.exit_code,
        "reason": summary.reason,
        "mode": summary.mode,
        "targets": list(summary.targets),
        "started_at": summary.started_at or None,
        "elapsed_ms": _ms(summary.elapsed_s),
        "resume": summary.resume,
        "counts": _counts(summary),
        "lanes": None if summary.lanes is None else {"number": summary.lanes, "why": summary.lanes_why},
        "workers": None if summary.workers is None else workers_object(summary.workers),
        "throttled": waits_object(summary.throttled_s, summary.throttles),
        "latency": {"p50_ms": _ms(summary.p50_s), "p95_ms": _ms(summary.p95_s), "max_ms": _ms(summary.max_s)},
        "timeline": _timeline(summary),
        "queries": [_query(query) for query in summary.queries],
        "by_target": [_target(target, summary) for target in _targets(summary)],
        "checks": _checks(summary),
        "objects": [_object(one) for one in summary.objects],
        "failures": [_failure(failure) for failure in summary.failures],
        "outputs": list(summary.outputs),
        "partials": list(summary.partials),
    }
    return format_json(whole)


def _counts(summary: RunSummary) -> dict[str, object]:
    return {
        "ok": summary.ok,
        "failed": summary.failed,
        "unknown": summary.unknown,
        "skipped": summary.skipped,
        "retried": summary.retried,
        "changed": changed_number(summary.changed),
        "rows": summary.rows,
        "attempts": summary.attempts,
        "together": summary.together,
        "unanswered": summary.unanswered,
        "warnings": summary.warnings,
        "repeated": summary.repeated,
        "repeated_exact": summary.repeated_exact,
    }


def _timeline(summary: RunSummary) -> dict[str, object] | None:
    return None if summary.timeline is None else asdict(summary.timeline)


def _targets(summary: RunSummary) -> list[str]:
    """Those of the run, then whatever else a query or a check names."""
    named = [*(query.target for query in summary.queries), *(check.target for check in summary.checks)]
    return list(dict.fromkeys([*summary.targets, *named]))


def _target(target: str, summary: RunSummary) -> dict[str, object]:
    queries = [query for query in summary.queries if query.target == target]
    verdicts = count_verdicts(check for check in summary.checks if check.target == target)
    counts = next((one for one in summary.per_target if one.target == target), None)
    return {
        "target": target,
        "ok": sum(query.ok for query in queries),
        "failed": sum(query.failed for query in queries),
        "unknown": sum(query.unknown for query in queries),
        "skipped": counts.skipped if counts is not None else 0,
        "changed": changed_number(counts.changed) if counts is not None else 0,
        "reason": counts.reason if counts is not None else "",
        "checks": {verdict.value: count for verdict, count in verdicts.items()},
    }


def _checks(summary: RunSummary) -> list[dict[str, object]]:
    """In the order of the files; `set` counts the parameter sets of one check on one target from 1."""
    seen: Counter[tuple[str, str | None, str]] = Counter()
    made = []
    for check in summary.checks:
        seen[check.name, check.file, check.target] += 1
        made.append(_check(check, seen[check.name, check.file, check.target]))
    return made


def _check(check: CheckResult, number: int) -> dict[str, object]:
    return {
        "name": check.name,
        "file": check.file,
        "line": check.line,
        "target": check.target,
        "set": number,
        "verdict": check.verdict.value,
        "value": check.value,
        "rows": check.rows,
        "expected": check.expected,
        "message": check.message,
        "sqlstate": check.sqlstate,
        "description": check.description,
        "owner": check.owner,
        "tags": list(check.tags),
        "began_ms": _ms(check.began_s),
        "elapsed_ms": _ms(check.elapsed_s),
        "lane": check.lane,
        "columns": list(check.columns),
        "sample": [list(row) for row in check.sample],
        "history": [
            {
                "run": past.run,
                "at": past.at,
                "verdict": past.verdict.value,
                "elapsed_ms": _ms(past.elapsed_s),
                "value": past.value,
                "rows": past.rows,
            }
            for past in check.history
        ],
    }


def _query(query: QueryCounts) -> dict[str, object]:
    return {
        "name": query.name,
        "file": query.file,
        "line": query.line,
        "target": query.target,
        "ok": query.ok,
        "failed": query.failed,
        "unknown": query.unknown,
    }


def _object(one: ObjectResult) -> dict[str, object]:
    return {
        "target": one.target,
        "name": one.name,
        "state": one.state.value,
        "reason": one.reason,
        "elapsed_ms": _ms(one.elapsed_s),
        "bytes_before": one.before,
        "bytes_after": one.after,
    }


def _failure(failure: Failure) -> dict[str, object]:
    return {
        "n": failure.n,
        "source": failure.source,
        "target": failure.target,
        "query": failure.query,
        "outcome": failure.outcome.value,
        "sqlstate": failure.sqlstate,
        "message": failure.message,
        "hint": failure.hint,
        "where": failure.where,
        "attempts": failure.attempts,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)

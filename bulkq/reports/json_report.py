"""`--report json`: one document per run, for machines. Called by `bulkq.reports.writing`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import bulkq

if TYPE_CHECKING:
    from bulkq.model import Failure, QueryCounts, RunSummary

VERSION = 1
"""Of the document; a reader that knows it can rely on every key that is there now."""


def json_report(summary: RunSummary) -> str:
    """The document, with a line break at its end. Holds no values of parameters."""
    document: dict[str, object] = {
        "version": VERSION,
        "tool": f"bulkq {bulkq.__version__}",
        "run": summary.run,
        "status": summary.status.value,
        "exit": summary.exit_code,
        "reason": summary.reason,
        "mode": summary.mode,
        "targets": list(summary.targets),
        "elapsed_ms": _ms(summary.elapsed_s),
        "counts": {
            "ok": summary.ok,
            "failed": summary.failed,
            "unknown": summary.unknown,
            "skipped": summary.skipped,
            "retried": summary.retried,
            "changed": summary.changed,
            "rows": summary.rows,
            "attempts": summary.attempts,
        },
        "latency": {"p50_ms": _ms(summary.p50_s), "p95_ms": _ms(summary.p95_s), "max_ms": _ms(summary.max_s)},
        "queries": [_query(query) for query in summary.queries],
        "checks": [],
        "failures": [_failure(failure) for failure in summary.failures],
        "outputs": list(summary.outputs),
        "partials": list(summary.partials),
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


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

"""Checks that run without the command line."""

from __future__ import annotations

from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.model import CheckResult, Query, RunSummary, Target
from bulkq.model.run import make_run
from bulkq.tasks.check.open_check import CheckRequest
from bulkq.tasks.check.run_checks import check


def load(text: str, file: str | None = None) -> tuple[Query, ...]:
    return queries.load(text, file)


async def run(
    found: str | tuple[Query, ...],
    *urls: str,
    control: Control | None = None,
    checks: dict[str, object] | None = None,
    **more: object,
) -> RunSummary:
    """Run checks without a ledger unless one is named."""
    selected = load(found) if isinstance(found, str) else found
    settings: dict[str, object] = {"ledger": "none", "concurrency": 4, "outage_s": 0.5, "retries": 1} | more
    request = make_run(queries=selected, targets=tuple(Target(url=url) for url in urls), **settings)  # type: ignore[arg-type]
    references = {
        q.place: r for q in selected for r in selected if f"same as {r.name}" in " ".join(q.metadata.get("expect", ()))
    }
    return await check(CheckRequest(run=request, references=references, **(checks or {})), control=control or Control())  # type: ignore[arg-type]


def by_name(summary: RunSummary) -> dict[str, CheckResult]:
    return {result.name: result for result in summary.checks}


def verdicts(summary: RunSummary) -> dict[str, str]:
    return {result.name: str(result.verdict) for result in summary.checks}

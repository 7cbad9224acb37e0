"""Ask ready questions without the command line."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from bulkq.drivers import dialect_of
from bulkq.engine.stop_control import Control
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.tasks.diag.questions import select_all, select_queries
from bulkq.tasks.run import run
from tests.support import checks

if TYPE_CHECKING:
    from bulkq.model import RunSummary

Row = dict[str, Any]


async def ask(url: str, name: str, **values: str) -> list[Row]:
    """The rows of one question; it must not fail, nor be skipped."""
    summary, rows = await ask_all(url, name, **values)
    assert (summary.failed, summary.unknown, summary.skipped) == (0, 0, 0), (name, summary.failures, summary.queries)
    return rows[name]


async def ask_all(url: str, *names: str, **values: str) -> tuple[RunSummary, dict[str, list[Row]]]:
    """The rows of some questions, or of all, by name."""
    dialects = [dialect_of(url)]
    queries = select_queries(names, dialects) if names else select_all(dialects, [])
    out = io.BytesIO()
    request = make_run(
        queries=queries, targets=(Target(url=url),), ledger="none", constants=values, include=("query",), concurrency=2
    )
    summary = await run(request, control=Control(), stdout=out)
    rows: dict[str, list[Row]] = {query.name: [] for query in queries}
    for line in out.getvalue().splitlines():
        row = json.loads(line)
        rows[row.pop("_query")].append(row)
    return summary, rows


async def judge_all(url: str) -> RunSummary:
    """The verdicts of all questions."""
    return await checks.run(select_all([dialect_of(url)], []), url, concurrency=2)

"""Convert the results of checks to rows of the ledger's table `checks`, and rows to what earlier runs have found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bulkq.ledger.redact_message import shape_of
from bulkq.model import PastCheck, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.ledger.row_conversion import Row
    from bulkq.model import CheckResult

KEPT_HISTORY = 20
"""Earlier results that a report shows of a check."""

AT_ONCE = 500
"""Names in one question: SQLite takes 999 values in its oldest versions."""

SERIES = ("checked", "target", "params")
"""Columns that tell the results of one check on one target for one parameter set apart from others."""

PAST = ("run", "at", "verdict", "elapsed_s", "value", "rows")
"""Columns of an earlier result, in the order of `PastCheck`."""

VERDICTS = {str(verdict): verdict for verdict in Verdict}

PastResults = dict[tuple[str, str], dict[str, list[PastCheck]]]
"""Earlier results by name and target, then by the digest of the parameters."""


def past_results(found: PastResults, rows: Iterable[Sequence[Any]]) -> None:
    """Add `rows` to `found`: the columns `SERIES`, then `PAST`.

    Raises:
        ValueError: no ledger holds such a verdict.
    """
    for checked, target, params, *past in rows:
        sets = found.setdefault((checked, target), {})
        sets.setdefault(params, []).append(past_check(*past))


def past_check(run: str, at: str, verdict: str, elapsed_s: float, value: str | None, rows: int | None) -> PastCheck:
    """The earlier result in the columns `PAST`.

    Raises:
        ValueError: no ledger holds such a verdict.
    """
    return PastCheck(run, at, VERDICTS.get(verdict) or Verdict(verdict), elapsed_s, value, rows)


def result_rows(run: str, at: str, results: Iterable[tuple[str, str, CheckResult]]) -> list[Row]:
    """The rows of a run: of each check the name in every run, the digest of its parameters, the result."""
    return [
        _row(result) | {"run": run, "place": place, "checked": key, "params": digest, "at": at}
        for place, (key, digest, result) in enumerate(results)
    ]


def _row(result: CheckResult) -> Row:
    message = result.message
    if result.verdict is Verdict.ERROR:
        message = shape_of(message, result.sqlstate, result.params)
    return {
        "name": result.name,
        "file": result.file,
        "line": result.line,
        "target": result.target,
        "verdict": str(result.verdict),
        "expected": result.expected,
        "message": _storable(message),
        "value": None if result.value is None else _storable(str(result.value)),
        "rows": result.rows,
        "sqlstate": result.sqlstate,
        "description": result.description,
        "owner": result.owner,
        "tags": json.dumps(list(result.tags), ensure_ascii=False),
        "began_s": result.began_s,
        "elapsed_s": result.elapsed_s,
        "lane": result.lane,
    }


def _storable(text: str) -> str:
    """`text` without what PostgreSQL does not store, NUL and lone surrogates, which other databases have in their texts."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")

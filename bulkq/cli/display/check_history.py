"""`bulkq runs --check NAME`: first and last run of a check, its last pass, whether it is flaky, and each run."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bulkq.checks.verdict import flaky
from bulkq.text.characters import escape_unprintable
from bulkq.text.durations import duration_text
from bulkq.text.moments import moment_text
from bulkq.text.tables import align_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.ledger.check_results import RecordedCheck
    from bulkq.model import PastCheck

COLUMNS = ("run", "started", "verdict", "value", "rows", "elapsed")
NUMBERS = frozenset({"value", "rows", "elapsed"})
LONGEST_VALUE = 40


def history_text(known: Sequence[RecordedCheck], limit: int, *, as_json: bool) -> str:
    """Return the histories as lines of text or as JSON, each with its newest `limit` runs."""
    if as_json:
        return _json(known, limit)
    return "\n\n".join("\n".join(_lines(each, limit)) for each in known)


def _lines(known: RecordedCheck, limit: int) -> list[str]:
    passed = moment_text(known.last_pass) if known.last_pass else "never"
    facts = [
        ("check", known.key),
        ("target", known.target),
        *([("parameters", f"set {known.params} (the ledger does not record its values)")] if known.params else []),
        ("first seen", moment_text(known.first_seen)),
        ("last pass", passed),
        ("runs", f"{len(known.history)}{', flaky' if flaky(known.history) else ''}"),
        ("typical time", _time(_typical_s(known.history))),
    ]
    rows = [_cells(past) for past in known.history[:limit]]
    table = align_named(rows, COLUMNS, NUMBERS)
    more = len(known.history) - len(rows)
    return [
        *(f"{name:<14}{escape_unprintable(value)}" for name, value in facts),
        "",
        *table,
        *([f"and {more} more: --limit shows them"] if more else []),
    ]


def _typical_s(history: Sequence[PastCheck]) -> float:
    """Return the median time of the runs that reached the database."""
    return median([past.elapsed_s for past in history if past.elapsed_s] or [0.0])


def _cells(past: PastCheck) -> dict[str, str]:
    value = "" if past.value is None else escape_unprintable(past.value)
    return {
        "run": past.run,
        "started": moment_text(past.at),
        "verdict": str(past.verdict),
        "value": value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - 3]}...",
        "rows": "" if past.rows is None else str(past.rows),
        "elapsed": _time(past.elapsed_s),
    }


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else duration_text(seconds)


def _json(known: Sequence[RecordedCheck], limit: int) -> str:
    import json

    found = [
        {
            "check": each.key,
            "line": each.line,
            "target": each.target,
            "params": each.params,
            "first_seen": each.first_seen,
            "last_pass": each.last_pass,
            "flaky": flaky(each.history),
            "median_ms": round(_typical_s(each.history) * 1000, 3),
            "runs": [
                {
                    "run": past.run,
                    "at": past.at,
                    "verdict": past.verdict,
                    "value": past.value,
                    "rows": past.rows,
                    "elapsed_ms": round(past.elapsed_s * 1000, 3),
                }
                for past in each.history[:limit]
            ],
        }
        for each in known
    ]
    return json.dumps(found, ensure_ascii=False, indent=2)

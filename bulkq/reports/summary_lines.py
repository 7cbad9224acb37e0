"""The lines that end every run on stderr."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bulkq.model import Outcome
from bulkq.model.counts import changed_text
from bulkq.model.maintenance import ObjectState
from bulkq.text.byte_sizes import size_text
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Failure, RunSummary
    from bulkq.model.maintenance import ObjectResult

LONGEST_LINE = 500
"""A server may quote a whole row in its message; people need its beginning, `--failures` has it all."""


def summary_line(summary: RunSummary) -> str:
    """`bulkq: run=... status=... ok=... exit=... resume="..."`, made to be parsed; `resume` is the command that goes on."""
    s = summary
    more = f" unanswered={s.unanswered}" if s.unanswered else ""
    more += f" warnings={s.warnings}" if s.warnings else ""
    more += f" lanes={s.lanes}" if s.lanes is not None else ""
    more += f" workers_lost={s.workers.lost}" if s.workers is not None and s.workers.lost else ""
    more += f" throttled={s.throttled_s:.1f}s" if s.throttles else ""
    line = (
        f"bulkq: run={s.run} status={s.status} ok={s.ok} failed={s.failed} unknown={s.unknown} skipped={s.skipped} "
        f"retried={s.retried} changed={changed_text(s.changed)}{more} elapsed={s.elapsed_s:.2f}s exit={s.exit_code}"
    )
    return f'{line} resume="{escape_unprintable(s.resume)}"' if s.resume else line


def failure_lines(summary: RunSummary, limit: int = 10) -> list[str]:
    """One line each for the first `limit` failures, and one that counts the others."""
    several = len({query.name for query in summary.queries}) > 1
    targets = len(summary.targets) > 1
    lines = [failure_text(failure, several=several, targets=targets) for failure in summary.failures[:limit]]
    more = max(summary.failed + summary.unknown, len(summary.failures)) - len(lines)
    if lines and more > 0:
        lines.append(f"and {more:,} more: --failures FILE.jsonl lists all")
    return lines


def failure_word(outcome: Outcome) -> str:
    """`failed`, `unknown` or `skipped`."""
    return str(outcome) if outcome in {Outcome.UNKNOWN, Outcome.SKIPPED} else "failed"


def failure_text(failure: Failure, *, several: bool = False, targets: bool = False) -> str:
    """`failed  customers.csv:118 n=117 [23514] message (hint)`; with `several` queries, or `targets`, the name of this one too.

    Of a backfill: `failed  n=4 ("id" > 10 AND "id" <= 20) [23514] message`.
    """
    word = failure_word(failure.outcome)
    parts = [f"{word:<7}"]
    if failure.source:
        parts.append(failure.source)
    parts.append(f"n={failure.n}")
    if failure.key_range:
        parts.append(f"({failure.key_range})")
    if targets:
        parts.append(f"on {failure.target}")
    if several:
        parts.append(failure.query)
    if failure.sqlstate:
        parts.append(f"[{failure.sqlstate}]")
    if failure.where:
        parts.append(f"{failure.where}:")
    parts.append(failure.message or "(its message was not recorded)")
    if failure.hint:
        parts.append(f"({failure.hint})")
    text = escape_unprintable(" ".join(parts))
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 3] + "..."


def sum_totals(found: Sequence[ObjectResult]) -> str:
    """`1,990 done, 8 skipped, 2 failed; 12.0 GB before, 9.0 GB after`."""
    counts = Counter(one.state for one in found)
    parts = [f"{counts[state]:,} {state}" for state in ObjectState if counts[state]]
    sized = [one for one in found if one.before is not None and one.after is not None]
    if not sized:
        return ", ".join(parts)
    before, after = (
        sum(int(size or 0) for size in sizes) for sizes in zip(*((o.before, o.after) for o in sized), strict=True)
    )
    return f"{', '.join(parts)}; {size_text(before)} before, {size_text(after)} after"

"""The heading of the page: a sentence, where and when, the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bulkq
from bulkq.model import Outcome, Status, Verdict
from bulkq.reports.escape import escape_html
from bulkq.reports.findings import WORST_FIRST, count_verdicts
from bulkq.reports.html.charts import share_bar
from bulkq.reports.html.history_text import format_moment
from bulkq.text.durations import spaced_duration
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import CheckResult, RunSummary

NAMED_TARGETS = 4


def find_worst(found: Sequence[CheckResult]) -> Verdict:
    """The worst verdict of them all."""
    verdicts = {finding.verdict for finding in found}
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), Verdict.PASS)


def of_checks(summary: RunSummary) -> bool:
    """Whether it is a run of checks, though none may have come to an end."""
    return bool(summary.checks) or summary.mode == "check"


def write_sentence(summary: RunSummary, found: Sequence[CheckResult]) -> str:
    """`2 of 12 checks failed, 1 could not be evaluated`; the name of the page too."""
    if not of_checks(summary):
        return _of_sets(summary)
    if not summary.checks:
        return f"No check ran: the run was {summary.status}" if summary.exit_code else "There was no check to run"
    counts, whole = count_verdicts(summary.checks), len(summary.checks)
    bad = []
    if counts[Verdict.FAIL]:
        bad.append(f"{counts[Verdict.FAIL]:,} failed")
    if counts[Verdict.ERROR]:
        bad.append(f"{counts[Verdict.ERROR]:,} could not be evaluated")
    if bad:
        return _of(bad, counted(whole, "check"))
    if find_worst(found) is Verdict.ERROR:
        return f"The run was {summary.status}: {counted(whole, 'check')} ran"
    warned = f", {counts[Verdict.WARN]:,} with a warning" if counts[Verdict.WARN] else ""
    if Verdict.SKIP in counts:
        return f"{whole - counts[Verdict.SKIP]:,} of {counted(whole, 'check')} passed{warned}, {counts[Verdict.SKIP]:,} skipped"
    return f"{'The' if whole == 1 else 'All'} {counted(whole, 'check')} passed{warned}"


def _of_sets(summary: RunSummary) -> str:
    objects = of_objects(summary)
    bad = [f"{summary.failed:,} failed"] if summary.failed else []
    bad += [f"{summary.unknown:,} ended unknown"] if summary.unknown else []
    bad += [f"{summary.skipped:,} skipped"] if objects and summary.skipped else []
    whole = _counted_sets(summary, objects=objects)
    if bad:
        return _of(bad, whole)
    if summary.status is Status.INCOMPLETE:
        return f"The run is incomplete after {whole}"
    if summary.exit_code:
        return f"The run was {summary.status} after {whole}"
    return f"{whole} ok"


def of_objects(summary: RunSummary) -> bool:
    """Whether it is a run of maintenance commands, as far as the ledger shows it."""
    return bool(summary.objects) or any(failure.outcome is Outcome.SKIPPED for failure in summary.failures)


def _counted_sets(summary: RunSummary, *, objects: bool) -> str:
    """`13 objects`, with the skipped ones; `7 ranges` of a backfill; else `3 parameter sets`."""
    if objects:
        return counted(summary.tried + summary.skipped, "object")
    return counted(summary.tried, "range" if of_ranges(summary) else "parameter set")


def of_ranges(summary: RunSummary) -> bool:
    """Whether it is a backfill or an undo, whose counts are of ranges."""
    return any(query.ranges for query in summary.queries)


def only_skipped(summary: RunSummary) -> bool:
    """Whether skipped objects are all that a run of maintenance commands has left."""
    return of_objects(summary) and summary.exit_code == 1 and not summary.failed


def _kind(summary: RunSummary, found: Sequence[CheckResult]) -> str:
    """The class of the page's color: that of the worst verdict, or a warning if only skipped objects are left."""
    return "warn" if only_skipped(summary) else str(find_worst(found))


def _of(bad: Sequence[str], whole: str) -> str:
    """`2 of 12 checks failed, 1 could not be evaluated`."""
    number, _, what = bad[0].partition(" ")
    return ", ".join([f"{number} of {whole} {what}", *bad[1:]])


def _command(summary: RunSummary) -> str:
    """The command of the run, as far as the counts show it. The only query of `bulkq undo` is called so."""
    if of_checks(summary):
        return "check"
    if of_ranges(summary):
        return "undo" if all(query.name == "undo" for query in summary.queries) else "backfill"
    return "maintain" if of_objects(summary) else "run"


def render_heading(summary: RunSummary, found: Sequence[CheckResult]) -> str:
    """The top of the page."""
    reason = f'<p class="reason">{escape_html(summary.reason)}</p>' if summary.reason else ""
    resume = f"<p>Continue with <code>{escape_html(summary.resume)}</code></p>" if summary.resume else ""
    return (
        f'<header class="{_kind(summary, found)}"><p class="eyebrow">bulkq {_command(summary)}</p>'
        f"<h1>{escape_html(write_sentence(summary, found))}</h1>"
        f'{reason}{resume}<p class="meta">{_meta(summary)}</p></header>\n'
    )


def _meta(summary: RunSummary) -> str:
    named = ", ".join(summary.targets[:NAMED_TARGETS])
    more = len(summary.targets) - NAMED_TARGETS
    parts = [
        f"run <code>{escape_html(summary.run, 40)}</code>" if summary.run else "",
        escape_html(named if more <= 0 else f"{named} and {counted(more, 'more target')}"),
        escape_html(format_moment(summary.started_at)),
        spaced_duration(summary.elapsed_s),
        f"exit code {summary.exit_code}",
        f"bulkq {bulkq.__version__}",
    ]
    return "".join(f"<span>{part}</span>" for part in parts if part)


def render_tiles(summary: RunSummary) -> str:
    """The numbers, and a bar of their shares."""
    if of_checks(summary):
        counts = {verdict.value: count for verdict, count in count_verdicts(summary.checks).items()}
        named = [(count, name, name) for name, count in counts.items()]
        return f'<div class="tiles">{_tiles(named)}</div>{share_bar(counts)}'
    named = [
        (summary.ok, "ok", "pass"),
        (summary.failed, "failed", "fail"),
        (summary.unknown, "unknown", "error"),
        (summary.skipped, "skipped", "warn"),
    ]
    named += [(summary.rows, "rows", "plain")] if summary.rows and not of_ranges(summary) else []
    named += [(summary.changed, "rows changed", "plain")] if summary.changed > 0 else []
    named += [(summary.retried, "retried", "plain")] if summary.retried else []
    named += [(summary.unanswered, "unanswered", "warn")] if summary.unanswered else []
    shares = {"error": summary.unknown, "fail": summary.failed, "warn": summary.skipped, "pass": summary.ok}
    return f'<div class="tiles">{_tiles(named)}</div>{share_bar(shares)}'


def _tiles(named: Sequence[tuple[int, str, str]]) -> str:
    return "".join(
        f'<div class="tile {kind if count else "none"}"><b>{count:,}</b><span>{name}</span></div>'
        for count, name, kind in named
    )

"""What `bulkq run` has to show: parameter sets per query and target, latencies, failures, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Outcome
from bulkq.reports.escape import escape_html
from bulkq.reports.html.charts import share_bar
from bulkq.reports.html.check_cards import render_cell
from bulkq.reports.summary_lines import failure_word
from bulkq.text.durations import spaced_duration
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from bulkq.model import Failure, QueryCounts, RunSummary

COLUMNS = ("set", "query", "target", "outcome", "SQLSTATE", "message", "attempts")


def render_queries(summary: RunSummary) -> str:
    """A row for each query on each target, with the shares of ok, failed and unknown, and of skipped if there are any."""
    skipped = any(query.skipped for query in summary.queries)
    rows = "".join(_query(query, skipped=skipped) for query in summary.queries)
    words = ["ok", "failed", "unknown", *(["skipped"] if skipped else [])]
    counts = "".join(f"<th class=n>{word}</th>" for word in words)
    head = f'<th>query</th><th>target</th>{counts}<th class="bar"></th>'
    return f'<div class="wide"><table class="list queries"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _query(query: QueryCounts, *, skipped: bool) -> str:
    where = f"<small>{escape_html(f'{query.file}:{query.line}', 500)}</small>" if query.file else ""
    bar = share_bar({"error": query.unknown, "fail": query.failed, "warn": query.skipped, "pass": query.ok})
    numbers = [query.ok, query.failed, query.unknown, *([query.skipped] if skipped else [])]
    counts = "".join(f"<td class=n>{number:,}</td>" for number in numbers)
    return (
        f"<tr><td><b>{escape_html(query.name, 400)}</b>{where}</td><td>{escape_html(query.target, 200)}</td>"
        f'{counts}<td class="bar">{bar}</td></tr>\n'
    )


def render_latency(summary: RunSummary) -> str:
    """The median, the 95th percentile and the slowest on one scale; "" where nothing was measured."""
    known = [("median", summary.p50_s), ("95 %", summary.p95_s), ("slowest", summary.max_s)]
    longest = summary.max_s or summary.p95_s or 0.0
    if not longest:
        return ""
    rows = "".join(
        f'<tr><td>{name}</td><td class=n>{spaced_duration(seconds)}</td><td class="bar"><svg class="share">'
        f'<rect class="ink" width="{max(0.3, 100 * seconds / longest):.2f}%" height="100%"/></svg></td></tr>'
        for name, seconds in known
        if seconds is not None
    )
    return f'<div class="wide"><table class="list"><tbody>{rows}</tbody></table></div>'


def render_failures(summary: RunSummary) -> str:
    """The parameter sets that did not end ok, as many as the run has kept, and how many more there were."""
    if not summary.failures:
        return ""
    head = "".join(f"<th>{column}</th>" for column in COLUMNS)
    body = "".join(_failure(failure) for failure in summary.failures)
    more = summary.failed + summary.unknown - len(summary.failures)
    note = (
        f"<p class=quiet>and {counted(more, 'more failure')}: --failures FILE.jsonl lists all</p>" if more > 0 else ""
    )
    return (
        f'<div class="wide"><table class="data"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}'
    )


def _failure(failure: Failure) -> str:
    word = failure_word(failure.outcome)
    verdict = {Outcome.UNKNOWN: "error", Outcome.SKIPPED: "warn"}.get(failure.outcome, "fail")
    message = f"{failure.where}: {failure.message}" if failure.where else failure.message
    hint = f"<small>{escape_html(failure.hint, 500)}</small>" if failure.hint else ""
    return (
        f"<tr><td>{escape_html(failure.source or f'n={failure.n}', 300)}</td>{render_cell(failure.query)}{render_cell(failure.target)}"
        f'<td><span class="dot {verdict}"></span>{word}</td><td>{escape_html(failure.sqlstate or "", 100)}</td>'
        f"<td class=long>{escape_html(message)}{hint}</td><td class=n>{failure.attempts}</td></tr>\n"
    )


def render_files(summary: RunSummary) -> str:
    """The list of files written, complete or not."""
    made = [*((path, "complete") for path in summary.outputs), *((path, "incomplete") for path in summary.partials)]
    if not made:
        return ""
    rows = "".join(
        f"<li><code>{escape_html(path, 1000)}</code> <span class=quiet>{state}</span></li>" for path, state in made
    )
    return f'<ul class="files">{rows}</ul>'

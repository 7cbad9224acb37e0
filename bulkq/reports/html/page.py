"""The document, put together from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.escape import escape_html
from bulkq.reports.findings import count_verdicts, format_title, list_findings, worst_first
from bulkq.reports.html.charts import render_lanes
from bulkq.reports.html.check_cards import render_card, render_passed
from bulkq.reports.html.heading import of_objects, only_skipped, render_heading, render_tiles, write_sentence
from bulkq.reports.html.maintenance_objects import render_objects
from bulkq.reports.html.matrix import render_matrix
from bulkq.reports.html.run_sections import render_failures, render_files, render_latency, render_queries
from bulkq.reports.html.style import STYLE, target_rules
from bulkq.reports.html.timeline import render_timeline
from bulkq.reports.html.workers import render_workers
from bulkq.text.durations import spaced_duration
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import CheckResult, RunSummary

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is fetched and nothing is run, whatever a text may say."""

FILTERED = 5
"""Checks from which on filters are shown."""

FILTERED_TARGETS = 8
SLOWEST = 8


def html_report(summary: RunSummary) -> str:
    """The page."""
    found = list_findings(summary)
    ordered = worst_first(found)
    targets = {target: number for number, target in enumerate(dict.fromkeys(finding.target for finding in found))}
    parts = [render_heading(summary, found), f"<section>{render_tiles(summary)}</section>\n"]
    if summary.checks:
        parts += _of_checks(summary, ordered, targets)
    else:
        parts += _of_run(summary, ordered, targets)
    filters = bool(summary.checks) and len(found) >= FILTERED
    filtered = len(targets) if filters and 1 < len(targets) <= FILTERED_TARGETS else 0
    columns = "one" if len(targets) < 2 else "several"
    return (
        f"{_head(write_sentence(summary, found), filtered)}<body>{_inputs(filtered) if filters else ''}"
        f'<main class="{columns}">\n{"".join(parts)}</main></body>\n</html>\n'
    )


def _head(name: str, filtered: int) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>bulkq: {escape_html(name)}</title>\n<style>{STYLE}{target_rules(filtered)}</style>\n</head>\n"
    )


def _of_checks(summary: RunSummary, ordered: Sequence[CheckResult], targets: Mapping[str, int]) -> list[str]:
    bad = [finding for finding in ordered if finding.verdict is not Verdict.PASS]
    good = [finding for finding in ordered if finding.verdict is Verdict.PASS]
    cards = "".join(render_card(finding, number, targets) for number, finding in enumerate(bad))
    drawn = render_lanes(summary.checks)
    sections = [("bad", "Not passed", cards)]
    sections.append(("targets", "Checks and targets", render_matrix(ordered, targets) if len(targets) > 1 else ""))
    sections.append(("times", "Time", f"{_busy(summary.checks)}{drawn}{_slowest(summary.checks)}" if drawn else ""))
    sections.append(("good", "Passed", render_passed(good, targets) if good else ""))
    shown = [(name, text, part) for name, text, part in sections if part]
    parts = [_contents([(name, text) for name, text, _ in shown])]
    parts += [_filters(ordered, targets)] if len(ordered) >= FILTERED else []
    parts += [f'<section class="{name}" id="{name}"><h2>{text}</h2>\n{part}</section>\n' for name, text, part in shown]
    return parts


def _contents(sections: Sequence[tuple[str, str]]) -> str:
    links = "".join(f'<a href="#{name}">{text}</a>' for name, text in sections)
    return f'<nav class="contents">{links}</nav>\n' if len(sections) > 1 else ""


def _of_run(summary: RunSummary, ordered: Sequence[CheckResult], targets: Mapping[str, int]) -> list[str]:
    told = [finding for finding in ordered if finding.name == "run" and finding.file is None and not finding.columns]
    told = [] if only_skipped(summary) else told  # the heading says it
    parts = (
        [f"<section>{''.join(render_card(each, n, targets) for n, each in enumerate(told))}</section>"] if told else []
    )
    named = [("Queries", render_queries(summary) if summary.queries else "")]
    named += [
        ("Objects", render_objects(summary)),
        ("Workers", render_workers(summary)),
        ("Timeline", render_timeline(summary.timeline, counted="objects" if of_objects(summary) else "sets")),
        ("Latency", render_latency(summary)),
        ("Failures", render_failures(summary)),
        ("Files", render_files(summary)),
    ]
    return [*parts, *(f"<section><h2>{name}</h2>{part}</section>\n" for name, part in named if part)]


def _busy(checks: Sequence[CheckResult]) -> str:
    whole = max(check.began_s + check.elapsed_s for check in checks)
    count = len({check.lane for check in checks})
    work = sum(check.elapsed_s for check in checks)
    share = min(100, round(100 * work / (whole * count)))
    return (
        f"<p class=quiet>{counted(len(checks), 'check')} on {counted(count, 'lane')} took {spaced_duration(whole)}; "
        f"one after another {spaced_duration(work)}. The lanes were busy {share} % of the time.</p>"
    )


def _slowest(checks: Sequence[CheckResult]) -> str:
    if len(checks) < 2:
        return ""
    several = len({check.target for check in checks}) > 1
    slow = sorted(checks, key=lambda check: -check.elapsed_s)[:SLOWEST]
    rows = "".join(_slow(check, slow[0].elapsed_s, several=several) for check in slow)
    return f'<h3>Slowest</h3><div class="wide"><table class="list slow"><tbody>{rows}</tbody></table></div>'


def _slow(check: CheckResult, slowest_s: float, *, several: bool) -> str:
    target = f"<small>{escape_html(check.target, 100)}</small>" if several else ""
    width = max(0.3, 100 * check.elapsed_s / (slowest_s or 1))
    return (
        f'<tr><td><span class="dot {check.verdict}"></span>{escape_html(format_title(check), 200)}{target}</td>'
        f'<td class=n>{spaced_duration(check.elapsed_s)}</td><td class="bar"><svg class="share">'
        f'<rect class="{check.verdict}" width="{width:.2f}%" height="100%"/></svg></td></tr>\n'
    )


def _inputs(targets: int) -> str:
    """The state of the filters: before everything that they hide."""
    names = ["all", *(verdict.value for verdict in Verdict)]
    made = [f'<input type="radio" name="v" id="v-{name}"{" checked" if name == "all" else ""}>' for name in names]
    if targets:
        made += [
            f'<input type="radio" name="t" id="t-{n}"{" checked" if n == "all" else ""}>'
            for n in ("all", *range(targets))
        ]
    return "".join(made)


def _filters(found: Sequence[CheckResult], targets: Mapping[str, int]) -> str:
    """A button for each verdict and each target that there is."""
    counts = {verdict: count for verdict, count in count_verdicts(found).items() if count}
    groups = []
    if len(counts) > 1:
        buttons = "".join(
            f'<label for="v-{verdict}">{verdict} <b>{count:,}</b></label>' for verdict, count in counts.items()
        )
        groups.append(f'<span role="group" aria-label="verdict"><label for="v-all">all</label>{buttons}</span>')
    if 1 < len(targets) <= FILTERED_TARGETS:
        names = "".join(
            f'<label for="t-{number}">{escape_html(target, 60)}</label>' for target, number in targets.items()
        )
        groups.append(f'<span role="group" aria-label="target"><label for="t-all">all targets</label>{names}</span>')
    return f'<nav class="filters">{"".join(groups)}</nav>\n' if groups else ""

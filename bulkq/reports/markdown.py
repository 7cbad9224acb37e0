"""`--report markdown`, and the job summary of GitHub, which is the same within a number of bytes.

What has no room is left out from the end: passes first, then offending rows, then the rows of the table; each with its count.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.escape import escape_cell, escape_html, escape_markdown, format_code
from bulkq.reports.findings import (
    choose_noun,
    count_verdicts,
    format_place,
    format_title,
    hidden_rows,
    list_findings,
    tally_text,
    worst_first,
)
from bulkq.text.durations import spaced_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import CheckResult, RunSummary

SIGNS = {Verdict.PASS: "✅", Verdict.WARN: "⚠️", Verdict.FAIL: "❌", Verdict.ERROR: "⛔", Verdict.SKIP: "⏭️"}
ENDLESS = 1 << 62
NOTES = 1_000
"""Bytes kept free for the lines that count what was left out."""

LISTED_TARGETS = 100


def markdown_report(summary: RunSummary, room: int = ENDLESS) -> str:
    """Headline, verdicts, everything that did not pass with its rows, and what passed.

    Args:
        summary: of the run.
        room: bytes it may have at most; some 4,000 are needed for the headline.
    """
    found = list_findings(summary)
    bad = [finding for finding in worst_first(found) if finding.verdict is not Verdict.PASS]
    good = [finding for finding in found if finding.verdict is Verdict.PASS]
    page = _Page(room - NOTES)
    page.add(_headline(summary, found))
    page.add(_targets(found))
    page.table("did not pass", bad)
    page.rows(bad)
    if good:
        page.folded(f"{len(good):,} passed", good)
    return page.text()


class _Page:
    """Text that grows while there is room."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._parts: list[str] = []

    def add(self, part: str) -> bool:
        """Take `part` whole, or nothing of it."""
        size = len(part.encode("utf-8", "backslashreplace"))
        if size > self._room:
            return False
        self._room -= size
        self._parts.append(part)
        return True

    def note(self, text: str) -> None:
        """A line that must be there; `NOTES` was kept for it."""
        self._parts.append(f"\n*{text}*\n\n")

    def table(self, what: str, found: Sequence[CheckResult]) -> None:
        """A row for each finding, as many as there is room for."""
        if not found:
            return
        self.add("| verdict | name | target | found | expected | time |\n|:--|:--|:--|:--|:--|--:|\n")
        kept = self._many(_row(finding) for finding in found)
        self.add("\n")
        if kept < len(found):
            self.note(f"and {len(found) - kept:,} more that {what}")

    def rows(self, found: Sequence[CheckResult]) -> None:
        """The offending rows of each finding that has some."""
        blocks = [text for finding in found if (text := _details(finding))]
        kept = self._many(blocks)
        if kept < len(blocks):
            self.note(f"the offending rows of {len(blocks) - kept:,} more are not shown")

    def folded(self, heading: str, found: Sequence[CheckResult]) -> None:
        """A table that opens on a click."""
        if self.add(f"<details><summary>{heading}</summary>\n\n"):
            self.table("passed", found)
            self._parts.append("</details>\n")
        else:
            self.note(heading)

    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def _many(self, parts: Iterable[str]) -> int:
        kept = 0
        for part in parts:
            if not self.add(part):
                break
            kept += 1
        return kept


def _headline(summary: RunSummary, found: Sequence[CheckResult]) -> str:
    worst = worst_first(found)[0].verdict if found else Verdict.PASS
    lines = [f"### {SIGNS[worst]} bulkq: {tally_text(found, choose_noun(summary))}", ""]
    where = f" on {escape_markdown(', '.join(summary.targets), 500)}" if summary.targets else ""
    lines.append(
        f"Run {format_code(summary.run or '-')}{where}: status {summary.status}, exit code {summary.exit_code}, "
        f"{spaced_duration(summary.elapsed_s)}."
    )
    if summary.reason:
        lines += ["", escape_markdown(summary.reason)]
    if summary.resume:
        lines += ["", f"Continue with {format_code(summary.resume)}"]
    return "\n".join([*lines, "", ""])


def _targets(found: Sequence[CheckResult]) -> str:
    """Verdicts per target, where there are several."""
    targets = list(dict.fromkeys(finding.target for finding in found))
    if len(targets) < 2:
        return ""
    verdicts = list(count_verdicts(found))
    lines = [f"| target | {' | '.join(verdicts)} |", f"|:--{'|--:' * len(verdicts)}|"]
    for target in targets[:LISTED_TARGETS]:
        counts = Counter(finding.verdict for finding in found if finding.target == target)
        lines.append(
            f"| {escape_markdown(target, 200)} | {' | '.join(f'{counts[verdict]:,}' for verdict in verdicts)} |"
        )
    more = len(targets) - LISTED_TARGETS
    return "\n".join([*lines, *([f"\n*and {more:,} more targets*"] if more > 0 else []), "", ""])


def _row(finding: CheckResult) -> str:
    where = f"<br>{format_code(format_place(finding))}" if format_place(finding) else ""
    return (
        f"| {SIGNS[finding.verdict]} {finding.verdict} "
        f"| {escape_markdown(format_title(finding))}{where} | {escape_markdown(finding.target, 200)} "
        f"| {escape_markdown(finding.message, 500)} | {escape_markdown(finding.expected, 200)} | {spaced_duration(finding.elapsed_s)} |\n"
    )


def _details(finding: CheckResult) -> str:
    """The offending rows, folded; "" where none are shown."""
    if not finding.sample:
        return ""
    width = max(len(finding.columns), *map(len, finding.sample))
    columns = [escape_markdown(column, 100) for column in finding.columns]
    columns += [""] * (width - len(columns))
    lines = [
        (
            f"<details><summary>{escape_html(format_title(finding))} "
            f"on {escape_html(finding.target, 200)}: {len(finding.sample):,} rows</summary>"
        ),
        "",
        f"| {' | '.join(columns)} |",
        f"|{':--|' * width}",
        *(f"| {' | '.join(format_code(escape_cell(value)) for value in row)} |" for row in finding.sample),
        "",
    ]
    if hidden_rows(finding):
        lines.append(f"*and {hidden_rows(finding):,} more rows*\n")
    return "\n".join([*lines, "</details>", "", ""])

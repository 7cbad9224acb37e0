"""The matrix of checks and targets: shows what is wrong on one target only, and what on all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.escape import escape_html
from bulkq.reports.findings import WORST_FIRST, format_title
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import CheckResult

SIGNS = {Verdict.PASS: "✓", Verdict.WARN: "!", Verdict.FAIL: "✗", Verdict.ERROR: "?", Verdict.SKIP: "⊘"}
MOST_ROWS = 150
MOST_TARGETS = 60
MANY = 6
"""Targets from which on their names stand upright: a column is no wider than its signs."""

Cells = dict[str, tuple[int, "CheckResult"]]


def render_matrix(found: Sequence[CheckResult], targets: Mapping[str, int]) -> str:
    """A row for each check, the worst first, a column for each target.

    Args:
        found: in the order of the page, by which the cells link to the cards.
        targets: with their numbers.
    """
    rows: dict[tuple[str | None, str], Cells] = {}
    for number, check in enumerate(found):
        rows.setdefault((check.file, format_title(check)), {})[check.target] = (number, check)
    shown = list(targets)[:MOST_TARGETS]
    head = "".join(f"<th><span>{escape_html(target, 80)}</span></th>" for target in shown)
    ordered = sorted(rows.items(), key=lambda row: _severity(row[1]))
    named = Counter(name for _, name in rows)
    body = "".join(
        _row(name, file if named[name] > 1 else None, cells, shown) for (file, name), cells in ordered[:MOST_ROWS]
    )
    many = " many" if len(shown) > MANY else ""
    return (
        f'<div class="wide edge"><table class="matrix{many}"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"{_left_out(len(rows) - MOST_ROWS, len(targets) - MOST_TARGETS)}"
    )


def _severity(cells: Cells) -> tuple[int, ...]:
    """By the number of targets with each verdict, the worst first."""
    verdicts = [check.verdict for _, check in cells.values()]
    return tuple(-verdicts.count(verdict) for verdict in WORST_FIRST)


def _row(name: str, file: str | None, cells: Cells, targets: Sequence[str]) -> str:
    """`file` tells checks of one name apart."""
    where = f"<small>{escape_html(file, 120)}</small>" if file else ""
    return (
        f"<tr><th>{escape_html(name, 120)}{where}</th>{''.join(_cell(cells.get(target)) for target in targets)}</tr>\n"
    )


def _cell(entry: tuple[int, CheckResult] | None) -> str:
    if entry is None:
        return "<td></td>"
    number, check = entry
    words = f"{check.verdict}: {check.message}"
    sign = f'<span class="sign {check.verdict}" title="{escape_html(words, 200)}">{SIGNS[check.verdict]}</span>'
    return f"<td>{sign}</td>" if check.verdict is Verdict.PASS else f'<td><a href="#f{number}">{sign}</a></td>'


def _left_out(rows: int, targets: int) -> str:
    more = [counted(n, noun) for n, noun in ((rows, "more check"), (targets, "more target")) if n > 0]
    return f"<p class=quiet>and {' and '.join(more)}: the lists below show all</p>" if more else ""

"""Each check: a card for what did not pass, a row for what did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.reports.escape import LONGEST_CELL, escape_html
from bulkq.reports.findings import format_place, format_title, hidden_rows
from bulkq.reports.html.charts import render_history
from bulkq.reports.html.history_text import format_moment, tell_history
from bulkq.text.characters import quote_if_changed
from bulkq.text.durations import spaced_duration
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import CheckResult, PastCheck

OPEN = 8
"""Cards that show all at once; the others open on a click, so that hundreds can be looked through."""

HEADLINE = 300
"""Characters of a message in the line of its check; a longer one stands below it too."""

LISTED_RUNS = 10

WRAPPED = 44
"""Characters of a value from which on it may go over several lines; a date never does."""


def render_card(check: CheckResult, number: int, targets: Mapping[str, int]) -> str:
    """The card of a finding: result, expectation, rows, earlier runs."""
    opened = " open" if number < OPEN else ""
    target = f'<span class="target">{escape_html(check.target, 200)}</span>' if len(targets) > 1 else ""
    return (
        f'<details class="item card {check.verdict} t{targets[check.target]}" id="f{number}"{opened}><summary>'
        f'<span class="pill {check.verdict}">{check.verdict}</span>'
        f'<span class="who"><span class="name">{escape_html(format_title(check), 400)}</span>{target}</span>'
        f'<span class="found">{escape_html(check.message, HEADLINE)}</span>'
        f'{render_history(check)}<span class="time">{spaced_duration(check.elapsed_s)}</span></summary>'
        f'<div class="body">{_text(check)}{_facts(check)}{_rows(check)}{_past(check.history)}</div></details>\n'
    )


def render_passed(found: Sequence[CheckResult], targets: Mapping[str, int]) -> str:
    """A table of what passed, with what was measured."""
    several = "<th>target</th>" if len(targets) > 1 else ""
    rows = "".join(_passed_row(check, targets) for check in found)
    return (
        f'<div class="wide"><table class="list"><thead><tr><th>name</th>{several}<th>found</th><th>expected</th>'
        f"<th>earlier runs</th><th class=n>time</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _passed_row(check: CheckResult, targets: Mapping[str, int]) -> str:
    several = f"<td>{escape_html(check.target, 200)}</td>" if len(targets) > 1 else ""
    where = f"<small>{escape_html(format_place(check), 500)}</small>" if format_place(check) else ""
    return (
        f'<tr class="item {check.verdict} t{targets[check.target]}"><td><b>{escape_html(format_title(check), 400)}</b>{where}</td>{several}'
        f"<td>{escape_html(check.message, 400)}</td><td>{escape_html(check.expected, 200)}</td><td>{render_history(check)}</td>"
        f"<td class=n>{spaced_duration(check.elapsed_s)}</td></tr>\n"
    )


def _text(check: CheckResult) -> str:
    long = f'<p class="message">{escape_html(check.message)}</p>' if len(check.message) > HEADLINE else ""
    return long + (f'<p class="description">{escape_html(check.description)}</p>' if check.description else "")


def _facts(check: CheckResult) -> str:
    facts = [
        ("expected", escape_html(check.expected)),
        ("value", escape_html(check.value) if check.value is not None else ""),
        ("rows", f"{check.rows:,}" if check.rows is not None else ""),
        ("SQLSTATE", escape_html(check.sqlstate, 100) if check.sqlstate else ""),
        ("query", f"<code>{escape_html(format_place(check), 500)}</code>" if format_place(check) else ""),
        ("owner", escape_html(check.owner, 200)),
        ("tags", escape_html(", ".join(check.tags), 500)),
    ]
    shown = "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in facts if text)
    told = tell_history(check)
    return f"<dl>{shown}</dl>{f'<p class=quiet>{escape_html(told[:1].upper() + told[1:])}.</p>' if told else ''}"


def _rows(check: CheckResult) -> str:
    if not check.sample:
        return ""
    width = max(len(check.columns), *map(len, check.sample))
    columns = [*check.columns, *[""] * (width - len(check.columns))]
    head = "".join(f"<th>{escape_html(column, 100)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(map(render_cell, row))}</tr>" for row in check.sample)
    more = hidden_rows(check)
    note = f"<p class=quiet>and {counted(more, 'more row')}</p>" if more else ""
    return f'<div class="wide edge"><table class="data"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}'


def render_cell(value: str | None) -> str:
    """A value of a row; NULL is not the text NULL."""
    if value is None:
        return '<td class="null">NULL</td>'
    shown = quote_if_changed(escape_html(value, LONGEST_CELL), value)
    return f"<td{' class=long' if len(value) > WRAPPED else ''}>{shown}</td>"


def _past(past: Sequence[PastCheck]) -> str:
    if not past:
        return ""
    rows = "".join(
        f'<tr><td><span class="dot {each.verdict}"></span>{each.verdict}</td><td>{escape_html(format_moment(each.at), 100)}</td>'
        f"<td>{_measured(each)}</td><td class=n>{spaced_duration(each.elapsed_s)}</td>"
        f"<td><code>{escape_html(each.run, 40)}</code></td></tr>"
        for each in past[:LISTED_RUNS]
    )
    more = len(past) - LISTED_RUNS
    note = f"<p class=quiet>and {counted(more, 'earlier run')}</p>" if more > 0 else ""
    return (
        '<details class="past"><summary>earlier runs</summary><div class="wide"><table class="list"><thead><tr><th>verdict</th>'
        f"<th>when</th><th>found</th><th class=n>time</th><th>run</th></tr></thead><tbody>{rows}</tbody></table></div>{note}</details>"
    )


def _measured(past: PastCheck) -> str:
    if past.value is not None:
        return escape_html(past.value, LONGEST_CELL)
    return counted(past.rows, "row") if past.rows is not None else ""

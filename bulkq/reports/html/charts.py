"""Pictures as inline SVG.

Places are percentages, so that a picture takes the width it gets while texts and strokes keep their size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.escape import escape_html
from bulkq.reports.findings import WORST_FIRST, format_title
from bulkq.text.durations import spaced_duration
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import CheckResult, PastCheck

HEIGHTS = {Verdict.SKIP: 4, Verdict.PASS: 9, Verdict.WARN: 13, Verdict.FAIL: 18, Verdict.ERROR: 18}
"""Of a bar of the history: the verdict is plain without colors too."""

SHOWN_RUNS = 24
STEP = 7
"""Pixels from one bar of the history to the next."""

BINS = 1_000
"""Bars of a lane that are narrower than this part of the whole time and fall on the same place are drawn once."""

TICKS = 6
LAST = 0.9
"""Part of the whole time from which on a label stands before its line: behind it there is no room."""


def share_bar(counts: Mapping[str, int]) -> str:
    """One bar whose parts are the shares of `counts`, named by their CSS classes."""
    whole = sum(counts.values())
    if not whole:
        return ""
    parts, at = [], 0.0
    for name, count in counts.items():
        width = 100 * count / whole
        if count:
            parts.append(
                f'<rect class="{name}" x="{at:.3f}%" width="{width:.3f}%" height="100%"><title>{count:,} {name}</title></rect>'
            )
        at += width
    return f'<svg class="share" role="img" aria-label="shares">{"".join(parts)}</svg>'


def render_history(check: CheckResult) -> str:
    """The verdicts of earlier runs from left to right, and this one's in full color at the end."""
    past = check.history[: SHOWN_RUNS - 1]
    if not past:
        return ""
    verdicts = [*(each.verdict for each in reversed(past)), check.verdict]
    bars: dict[Verdict, str] = {}
    for place, verdict in enumerate(verdicts):
        height = HEIGHTS[verdict]
        bars[verdict] = f"{bars.get(verdict, '')}M{place * STEP} {19 - height}h5v{height}h-5z"
    paths = "".join(f'<path class="{verdict}" d="{path}"/>' for verdict, path in bars.items())
    width = STEP * len(verdicts)
    last = f'<path class="now" d="M{width - STEP} 20h5v2h-5z"/>'
    return (
        f'<svg class="history" width="{width}" height="22" viewBox="0 0 {width} 22" role="img" aria-label="{_runs(past)}">'
        f"<title>{_runs(past)}, then this run</title>{paths}{last}</svg>"
    )


def _runs(past: Sequence[PastCheck]) -> str:
    counts = [f"{n} {verdict}" for verdict in WORST_FIRST if (n := sum(each.verdict is verdict for each in past))]
    return f"earlier runs: {', '.join(reversed(counts))}"


def render_lanes(checks: Sequence[CheckResult]) -> str:
    """A row for each lane, a bar for each check from its beginning to its end; "" where no times are known."""
    whole = max((check.began_s + check.elapsed_s for check in checks), default=0.0)
    if whole <= 0:
        return ""
    numbers = sorted({check.lane for check in checks})
    height = 20 if len(numbers) <= 12 else 12 if len(numbers) <= 40 else 6
    rows = {lane: row for row, lane in enumerate(numbers)}
    drawn, merged = _thinned(checks, whole)
    bars = "".join(_bar(check, rows[check.lane] * height, height, whole) for check in drawn)
    lines, marks = render_ticks(whole, height * len(numbers))
    labels = (
        "".join(f'<span style="height:{height}px">lane {lane + 1}</span>' for lane in numbers) if height > 6 else ""
    )
    note = f"<p class=quiet>{counted(merged, 'short bar')} drawn together with a neighbour.</p>" if merged else ""
    return (
        f'<div class="lanes"><div class="names">{labels}</div><div class="plot">'
        f'<svg height="{height * len(numbers)}" role="img" aria-label="checks over time">{lines}{bars}</svg>'
        f'<div class="axis">{marks}</div></div></div>{note}'
    )


def _thinned(checks: Sequence[CheckResult], whole: float) -> tuple[list[CheckResult], int]:
    seen: set[tuple[int, int, Verdict]] = set()
    drawn = []
    for check in checks:
        key = (check.lane, int(check.began_s / whole * BINS), check.verdict)
        if check.elapsed_s / whole * BINS < 1 and key in seen:
            continue
        seen.add(key)
        drawn.append(check)
    return drawn, len(checks) - len(drawn)


def _bar(check: CheckResult, top: int, height: int, whole: float) -> str:
    width = max(100 * check.elapsed_s / whole, 0.15)
    gap = 3 if height > 6 else 1
    times = f"{spaced_duration(check.elapsed_s)} from {spaced_duration(check.began_s)}"
    words = f"{format_title(check)} on {check.target}: {check.verdict}, {times}"
    return (
        f'<rect class="{check.verdict}" x="{100 * check.began_s / whole:.3f}%" y="{top + gap / 2}" width="{width:.3f}%" '
        f'height="{height - gap}"><title>{escape_html(words, 600)}</title></rect>'
    )


def render_ticks(whole: float, height: int) -> tuple[str, str]:
    """Lines of the picture, and their labels below it: round numbers, six of them at most."""
    rough = whole / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    places = [n * step for n in range(TICKS + 1) if n * step <= whole]
    lines = "".join(
        f'<line x1="{percent_of(p, whole)}" x2="{percent_of(p, whole)}" y1="0" y2="{height}"/>' for p in places
    )
    marks = "".join(
        f'<span{" class=end" if p / whole > LAST else ""} style="left:{percent_of(p, whole)}">{_tick(p, step)}</span>'
        for p in places
    )
    return lines, marks


def percent_of(seconds: float, whole: float) -> str:
    """The place of a time in a picture as wide as `whole`, both in seconds: `12.500%`."""
    return f"{100 * seconds / whole:.3f}%"


def _tick(seconds: float, step: float) -> str:
    if not seconds:
        return "0"
    if step < 1:
        return f"{seconds * 1000:.10g} ms" if seconds < 1 else f"{seconds:.10g} s"
    return f"{seconds:.10g} s" if seconds < 120 else f"{seconds / 60:.3g} min"

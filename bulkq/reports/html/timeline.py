"""The timeline of a run as SVG: rate, size, lanes and throttles over time, with the stretches in which the run was held."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.model.timeline import halve_samples
from bulkq.reports.escape import escape_html
from bulkq.reports.html.charts import percent_of, render_ticks
from bulkq.text.byte_sizes import size_text
from bulkq.text.durations import spaced_duration
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.model.run_status import RunChange
    from bulkq.model.timeline import RunTimeline, TimelineSample, TimelineSegment, TimelineSignal

MOST_SAMPLES = 400
"""Of a process in the picture; neighbours are drawn as one."""

MOST_SIGNALS = 12
GAP = 0.01  # between two processes, as a part of the whole time
HEIGHT = 100  # of a panel in its own units, whatever its size on the page

Span = tuple[float, float]
"""Begin and end in seconds on the axis."""


@frozen
class Series:
    """A value over time.

    Attributes:
        name: what it is.
        peak: its largest value, as text with its unit.
        steps: (begin, end, value) in seconds on the axis; spans without a value are left out.
        top: value at the upper edge.
        limit: value of a line across; None for none.
    """

    name: str
    peak: str
    steps: tuple[tuple[float, float, float], ...]
    top: float
    limit: float | None = None


@frozen
class Axis:
    """The processes of a run one after the other on one axis, without the time between them.

    Attributes:
        begins: for each process: the moment of its begin, its place on the axis, its samples.
        whole: length in seconds.
    """

    begins: tuple[tuple[str, float, tuple[TimelineSample, ...]], ...]
    whole: float

    def place(self, at: str) -> float:
        """Return the place in seconds of a moment, which is ISO 8601."""
        known = [(begin, offset) for begin, offset, _ in self.begins if begin <= at] or [self.begins[0][:2]]
        begin, offset = known[-1]
        passed = (datetime.fromisoformat(at) - datetime.fromisoformat(begin)).total_seconds()
        return min(self.whole, max(0.0, offset + passed))

    def samples(self) -> Iterator[tuple[float, TimelineSample]]:
        """Yield each sample with its place in seconds."""
        for _, offset, samples in self.begins:
            for sample in samples:
                yield offset + sample.at_s, sample


def render_timeline(found: RunTimeline | None, *, counted: str = "sets") -> str:
    """The picture with its legend; "" if there are no samples.

    Args:
        found: samples, whose rates are of sets or rows.
        counted: the word for sets.
    """
    if found is None or not any(segment.samples for segment in found.segments):
        return ""
    signals, axis = _signals(found.segments), _axis(found.segments)
    unit = found.segments[-1].unit.replace("sets", counted)
    stretches = _stretches(axis)
    panels = [*_measures(axis, unit), *_values(axis, signals)]
    marks = f"{_shades(stretches, axis.whole)}{_changes(found.changes, axis)}"
    lines, labels = render_ticks(axis.whole, HEIGHT)
    rows = "".join(_panel(panel, f"{lines}{marks}", axis.whole) for panel in panels)
    return f'<div class="series">{rows}<div></div><div class="axis">{labels}</div></div>{_legend(found, stretches)}'


def _signals(segments: Sequence[TimelineSegment]) -> dict[tuple[str, str | None], TimelineSignal]:
    """All signals by name and target, each with its last limit."""
    return {(one.name, one.target): one for segment in segments for one in segment.signals}


def _axis(segments: Sequence[TimelineSegment]) -> Axis:
    """Put the processes one after the other. Values of signals are in the order of `_signals`."""
    order = list(_signals(segments))
    processes = []
    for begin, pieces in groupby(segments, key=lambda segment: segment.begin):
        samples = [_reordered(sample, piece, order) for piece in pieces for sample in piece.samples]
        while len(samples) > MOST_SAMPLES:
            samples = halve_samples(samples)
        if samples:
            processes.append((begin, samples, samples[-1].at_s + samples[-1].span_s))
    gap = GAP * sum(length for _, _, length in processes)
    begins, offset = [], 0.0
    for begin, samples, length in processes:
        begins.append((begin, offset, tuple(samples)))
        offset += length + gap
    return Axis(tuple(begins), max(offset - gap, 1e-3))


def _reordered(
    sample: TimelineSample, segment: TimelineSegment, order: Sequence[tuple[str, str | None]]
) -> TimelineSample:
    from dataclasses import replace

    known = dict(zip(((one.name, one.target) for one in segment.signals), sample.values, strict=False))
    return replace(sample, values=tuple(known.get(key) for key in order))


def _measures(axis: Axis, unit: str) -> list[Series]:
    size = "rows of a range" if unit == "rows" else f"{unit} of a batch"
    whole = [(at_s, sample) for at_s, sample in axis.samples()]
    made = [
        _series(f"{unit} per second", [(at_s, one.span_s, one.rate) for at_s, one in whole]),
        _series(size, [(at_s, one.span_s, one.size) for at_s, one in whole]),
        _series("connections", [(at_s, one.span_s, one.lanes) for at_s, one in whole]),
    ]
    return made if any(one.size for _, one in whole) else [made[0], made[2]]  # maintenance has no size


def _values(axis: Axis, signals: dict[tuple[str, str | None], TimelineSignal]) -> list[Series]:
    made = []
    several = len({signal.target for signal in signals.values() if signal.target is not None}) > 1
    for place, signal in enumerate(list(signals.values())[:MOST_SIGNALS]):
        values = [
            (at_s, one.span_s, one.values[place] if place < len(one.values) else None) for at_s, one in axis.samples()
        ]
        if any(value is not None for _, _, value in values):
            name = f"{signal.name} {signal.target}" if several and signal.target is not None else signal.name
            made.append(_series(name, values, unit=signal.unit, limit=signal.limit))
    return made


def _series(
    name: str, values: Sequence[tuple[float, float, float | None]], unit: str | None = None, limit: float | None = None
) -> Series:
    steps = tuple((at_s, at_s + span_s, float(value)) for at_s, span_s, value in values if value is not None)
    peak = max((value for _, _, value in steps), default=0.0)
    top = max(peak, 1.15 * limit if limit else 0.0)
    return Series(name, _number(peak, unit), steps, top or 1.0, limit)


def _number(value: float, unit: str | None) -> str:
    if unit == "seconds":
        return spaced_duration(value)
    if unit in {"bytes", "bytes per second"}:
        return size_text(int(value)) + ("/s" if unit != "bytes" else "")
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def _panel(series: Series, behind: str, whole: float) -> str:
    """A row: name and largest value, and the picture."""
    limit = ""
    if series.limit is not None:
        y = _y(series.limit, series.top)
        limit = f'<line class="limit" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
    return (
        f'<div class="measure"><b>{escape_html(series.name, 100)}</b><span>at most {escape_html(series.peak, 40)}</span></div>'
        f'<svg viewBox="0 0 1000 {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{escape_html(series.name, 100)} over time">'
        f"{behind}{_area(series, whole)}{limit}</svg>"
    )


def _area(series: Series, whole: float) -> str:
    """Steps as areas down to zero, an area for each stretch without a gap."""
    path, end_s = "", None
    for begin_s, next_s, value in series.steps:
        x, y = _x(begin_s, whole), _y(value, series.top)
        if end_s is None or begin_s - end_s > 0.5 * (next_s - begin_s):
            path += f"V{HEIGHT}Z" if end_s is not None else ""
            path += f"M{x} {HEIGHT}"
        path += f"V{y}H{_x(next_s, whole)}"
        end_s = next_s
    return f'<path class="area" d="{path}V{HEIGHT}Z"/>' if path else ""


def _x(seconds: float, whole: float) -> str:
    return f"{1000 * seconds / whole:.1f}"


def _y(value: float, top: float) -> str:
    return f"{HEIGHT * (1 - 0.96 * min(1.0, value / top)):.1f}"


def _stretches(axis: Axis) -> list[tuple[Span, str]]:
    """The times in which no batch could start, each with its last reason. Another reason begins another time."""
    found: list[tuple[Span, str]] = []
    for at_s, sample in axis.samples():
        if not sample.held:
            continue
        end_s = at_s + sample.span_s * sample.held
        close = found and at_s - found[-1][0][1] < 1.5 * sample.span_s
        if close and _kind(found[-1][1]) == _kind(sample.why):
            (begin_s, _), _ = found[-1]
            found[-1] = (begin_s, end_s), sample.why
        else:
            begin_s = at_s + sample.span_s * (1 - sample.held)
            found.append(((begin_s, at_s + sample.span_s), sample.why))
    return found


def _kind(why: str) -> list[str]:
    """The words of a reason without those that have numbers, which change while it lasts."""
    return [word for word in why.split() if not any(one.isdigit() for one in word)]


def _shades(stretches: Sequence[tuple[Span, str]], whole: float) -> str:
    return "".join(
        f'<rect class="held" x="{_x(begin_s, whole)}" width="{max(1.5, 1000 * (end_s - begin_s) / whole):.1f}" y="0" '
        f'height="{HEIGHT}"><title>{escape_html(f"{why}: {spaced_duration(end_s - begin_s)} from {spaced_duration(begin_s)}", 400)}'
        "</title></rect>"
        for (begin_s, end_s), why in stretches
    )


def _changes(changes: Sequence[RunChange], axis: Axis) -> str:
    lines = []
    for change in changes:
        at = percent_of(axis.place(change.at), axis.whole)
        words = escape_html(f"{change.text} {change.by}", 300)
        lines.append(f'<line class="change" x1="{at}" x2="{at}" y1="0" y2="{HEIGHT}"><title>{words}</title></line>')
    return "".join(lines)


def _legend(found: RunTimeline, stretches: Sequence[tuple[Span, str]]) -> str:
    held_s = sum(sample.span_s * sample.held for segment in found.segments for sample in segment.samples)
    texts = []
    if stretches:
        reasons = list(dict.fromkeys(why for _, why in stretches))
        more = f" and {counted(len(reasons) - 3, 'other reason')}" if len(reasons) > 3 else ""
        texts.append(
            f"Shaded: no batch could start, for {spaced_duration(held_s)} in all: {escape_html('; '.join(reasons[:3]), 500)}{more}."
        )
    if any(signal.limit is not None for segment in found.segments for signal in segment.signals):
        texts.append("Dashed: the limit of a throttle.")
    lines = "".join(f"<p class=quiet>{text}</p>" for text in texts)
    return lines + _table(found.changes)


def _table(changes: Sequence[RunChange]) -> str:
    if not changes:
        return ""
    rows = "".join(
        f"<tr><td>{escape_html(change.at[:19].replace('T', ' '), 40)}</td>"
        f"<td>{escape_html(change.by, 100)}</td><td>{escape_html(change.text, 300)}</td></tr>"
        for change in changes
    )
    head = "<th>when (UTC)</th><th>by</th><th>change</th>"
    return f'<h3>Changes</h3><div class="wide"><table class="list"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'

"""The live page of a run: what rich draws of its status and of the statuses before."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from bulkq.cli.display.one_line_status import reading_text, unit_text
from bulkq.cli.display.progress_bar import Segments
from bulkq.cli.display.progress_text import rate_text
from bulkq.model.counts import changed_text
from bulkq.model.run_status import Activity
from bulkq.policy.throttle_expressions import current_text
from bulkq.policy.worker_counts import workers_text
from bulkq.text.characters import escape_unprintable
from bulkq.text.durations import duration_text, latency_text
from bulkq.text.sparkline import BLOCKS, PLAIN, sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

    from bulkq.cli.display.watch_history import WatchHistory
    from bulkq.model import Reading
    from bulkq.model.run_status import RunStatus

NAME = 10  # columns of the names at the left
WIDEST_LINE = 120  # columns of a sparkline
BAR = 10  # columns of the load of a throttle
SIDE_BY_SIDE = 150  # columns from which on throttles stand beside the numbers
LEAST_THROTTLES = 3
LEAST_VALUE = 14  # columns of the value of a throttle, so that the sparklines stay where they are
HOLDS = "holds the run"

STYLES = {
    Activity.RUNNING: "bold green",
    Activity.THROTTLED: "bold yellow",
    Activity.PAUSED: "bold yellow",
    Activity.WAITING: "bold red",
    Activity.STOPPING: "bold yellow",
    Activity.ENDED: "bold",
}
MEDIUM, HIGH = 0.7, 1.0
"""Loads of a throttle from which on it is yellow, and red."""


class WatchPage:
    """The page as a renderable. It takes the width and height that the console has.

    Args:
        history: the statuses; at least one.
        note: the last line; "" for none.
    """

    def __init__(self, history: WatchHistory, note: str = "") -> None:
        self._history, self._note = history, note

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        status = self._history.last
        assert status is not None, "there is a status"
        width, height = options.max_width, options.height or console.height
        wide = width >= SIDE_BY_SIDE
        column = width // 2 - 1 if wide else width
        drawing = Drawing(self._history, column, BLOCKS if options.encoding.startswith("utf") else PLAIN)
        yield from _heading(status, width)
        left = [*drawing.numbers(status)]
        notes = _notes(status)
        room = max(LEAST_THROTTLES, height - 6 - (0 if wide else len(left) + 1) - len(notes))
        right = [*drawing.throttles(status, room), *notes]
        if wide:
            yield _columns(left, right, column)
        else:
            yield from (*left, "", *right)
        if self._note:
            yield _line(self._note, "dim")


class Drawing:
    """Draws lines with sparklines of a width.

    Args:
        history: the statuses.
        width: columns.
        levels: characters of a sparkline.
    """

    def __init__(self, history: WatchHistory, width: int, levels: str) -> None:
        self._history, self._width, self._levels = history, width, levels
        self._spark = max(12, min(WIDEST_LINE, width - NAME - 36))

    def numbers(self, status: RunStatus) -> Iterator[RenderableType]:
        """Yield the lines of rate, size, lanes, latency and counts."""
        history, unit = self._history, "" if status.rate_unit == "sets" else " rows"
        average = f"average {rate_text(status.rate_average, ',')}/s"
        yield self._series("rate", history.rates(), f"{rate_text(status.rate, ',')}{unit}/s", average)
        if status.backfill is not None or unit_text(status) == "sets":
            yield self._series(*_size(status, history.sizes()))
        yield self._series("lanes", history.lanes(), *_lanes(status))
        if status.lanes.why:
            yield from _wrapped(escape_unprintable(status.lanes.why), self._width)
        yield _named(
            "latency",
            f"p50 {latency_text(status.p50_s)}  p95 {latency_text(status.p95_s)}  max {latency_text(status.max_s)}",
        )
        yield _counts(status)
        if status.workers is not None:
            yield _named("workers", workers_text(status.workers), "" if status.workers.working else "bold red")
        if status.backfill is not None and status.backfill.position:
            yield _named("position", escape_unprintable(status.backfill.position))
        if status.backfill is not None and status.backfill.holds and not status.reason:
            yield _named("bound by", escape_unprintable(status.backfill.holds))

    def _series(self, name: str, values: Sequence[float | None], now: str, more: str = "") -> Text:
        text = _named(name, "")
        text.append(sparkline(values, self._spark, levels=self._levels), style="cyan")
        text.append(f"  {now}", style="bold")
        return text.append(f"  {more}" if more else "", style="dim")

    def throttles(self, status: RunStatus, room: int) -> Iterator[RenderableType]:
        """Yield a line for each throttle, at most `room` lines: of more, those that hold the run or have the highest loads."""
        readings = status.throttles
        if not readings:
            return
        ordered = sorted(readings, key=lambda one: (one.reason is None, -(one.load or 0.0)))
        kept = {id(one) for one in (ordered if len(ordered) <= room else ordered[: room - 1])}
        shown = [one for one in readings if id(one) in kept]
        names = [_throttle_name(one, several=status.targets > 1) for one in shown]
        values = [reading_text(one) for one in shown]
        widest = min(max(map(len, names)), max(NAME, self._width // 3))
        beside = widest + BAR + max(LEAST_VALUE, *map(len, values)) + len(HOLDS) + 7
        spark = max(8, min(WIDEST_LINE, self._width - beside))
        for name, reading in zip(names, shown, strict=True):
            yield self._throttle(name, reading, widest, spark)
        if len(shown) < len(ordered):
            yield _line(f"and {len(ordered) - len(shown)} more throttles with a lower load", "dim")

    def _throttle(self, name: str, reading: Reading, widest: int, spark: int) -> Text:
        from rich.text import Text

        load = reading.load if reading.load is not None else float(reading.reason is not None)
        style = "red" if reading.reason is not None or load >= HIGH else "yellow" if load >= MEDIUM else "green"
        text = Text(f"{_shortened(name, widest, self._levels):<{widest}}  ", no_wrap=True, overflow="ellipsis")
        text.append(sparkline(self._history.values(reading), spark, 1.0, self._levels), style=style)
        text.append("  ").append_text(_bar(load, style, self._levels))
        text.append(f"  {reading_text(reading)}", style="bold")
        return text.append(f"  {HOLDS}" if reading.reason is not None else "", style="bold red")


def _heading(status: RunStatus, width: int) -> Iterator[RenderableType]:
    """What runs, what it does, and how far it is."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(escape_unprintable(status.name), style="bold").append(
        f"  {' '.join(dict.fromkeys((status.command, status.mode)))}  run {status.run}  "
    )
    yield text.append(escape_unprintable(status.process), style="dim")
    text = Text(no_wrap=True, overflow="ellipsis").append(str(status.activity), style=STYLES[status.activity])
    text.append(f" for {duration_text(status.activity_s)}")
    yield text.append(f"  {escape_unprintable(status.reason)}" if status.reason else "", style="yellow")
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True, justify="right", max_width=max(20, width - 22))
    percent = status.percent
    bar = ProgressBar(total=100.0, completed=percent or 0.0, complete_style="green", finished_style="green")
    grid.add_row(bar, Text(_how_far(status)))
    yield grid
    yield _line(_times(status), "dim")


def _how_far(status: RunStatus) -> str:
    percent = "" if status.percent is None else f"{int(10 * status.percent) / 10} %  "
    if status.eta_s is None:
        return f"{percent}eta -"
    low, high = status.eta_low_s, status.eta_high_s
    bounds = "" if low is None or high is None else f" ({duration_text(low)} to {duration_text(high)})"
    return f"{percent}eta {duration_text(status.eta_s)}{bounds}"


def _times(status: RunStatus) -> str:
    found = status.backfill
    done, total, unit, about = status.done, status.total, unit_text(status), ""
    if found is not None:
        done, total, unit = found.done, found.total, "rows"
        about = "~" if found.total_kind == "estimate" else ""
    words = [
        f"{done:,}{'' if total is None else f' of {about}{total:,}'} {unit}",
        f"running for {duration_text(status.elapsed_s)}",
    ]
    if status.throttled_s >= 1:
        words.append(f"throttled {duration_text(status.throttled_s)} of it")
    if status.targets > 1:
        words.append(f"{status.targets_done} of {status.targets} targets done")
    return "  ".join(words)


def _size(status: RunStatus, values: Sequence[float | None]) -> tuple[str, Sequence[float | None], str, str]:
    found = status.backfill
    if found is None:
        return "batch", values, f"{status.batch or 0:,} sets", f"{status.in_flight:,} in flight"
    return "range", values, f"{found.range_rows or 0:,} rows", f"in {latency_text(found.range_s)}"


def _lanes(status: RunStatus) -> tuple[str, str]:
    lanes = status.lanes
    wanted = f"-j {'auto' if lanes.wanted is None else lanes.wanted}"
    if status.targets > 1 and lanes.working > lanes.allowed:  # each target has a connection, and they take turns
        return f"{lanes.allowed} of {lanes.allowed}", f"{wanted}  {lanes.working} connected"
    return f"{lanes.working} of {lanes.allowed}", wanted


def _counts(status: RunStatus) -> RenderableType:
    from rich.text import Text

    counts = status.counts
    texts = [_named("counts", "").append(f"ok {counts.ok:,}", style="green")]
    texts.append(Text(f"failed {counts.failed:,}", style="bold red" if counts.failed else ""))
    if counts.unknown:
        texts.append(Text(f"unknown {counts.unknown:,}", style="bold red"))
    texts.append(Text(f"retried {counts.retried:,}"))
    changed = changed_text(counts.changed)
    texts.append(Text(f"changed {int(changed):,}" if changed.isdigit() else f"changed {changed}"))
    return Segments(texts)


def _notes(status: RunStatus) -> list[RenderableType]:
    """What it waits for, the first failures, the last changes."""
    notes: list[RenderableType] = [_named("waits", escape_unprintable(text), "yellow") for text in status.waits]
    for failure in status.failures[:3]:
        words = [failure.source or f"n={failure.n}", failure.target, failure.sqlstate or "", failure.message]
        notes.append(_named("failed", escape_unprintable(" ".join(filter(None, words))), "red"))
    notes += [
        _named("change", escape_unprintable(f"{change.at[11:19]}Z {change.by} {change.text}"))
        for change in status.changes[-3:]
    ]
    return [_line("", ""), *notes] if notes else []


def _throttle_name(reading: Reading, *, several: bool) -> str:
    name = current_text(reading.name, reading.limit)
    return escape_unprintable(f"{name} {reading.target}" if several and reading.target is not None else name)


def _shortened(name: str, width: int, levels: str) -> str:
    """The name in `width` columns. Of a longer one, the middle is left out: a path is known by its end."""
    if len(name) <= width:
        return name
    gap = "…" if levels is BLOCKS else "~"
    end = (width - len(gap)) * 2 // 3
    return f"{name[: width - len(gap) - end]}{gap}{name[-end:]}"


def _wrapped(text: str, width: int) -> Iterator[RenderableType]:
    """Two lines at most, dim and below the values."""
    lines = wrap(text, max(20, width - NAME))
    yield from (_named("", line, "dim") for line in (lines if len(lines) < 2 else [lines[0], " ".join(lines[1:])]))


def _bar(load: float, style: str, levels: str) -> Text:
    from rich.text import Text

    full, empty = ("█", "░") if levels is BLOCKS else ("#", ".")
    cells = min(BAR, max(0, round(BAR * load)))
    return Text(full * cells, style=style).append(empty * (BAR - cells), style="dim")


def _columns(left: Sequence[RenderableType], right: Sequence[RenderableType], width: int) -> RenderableType:
    from rich.console import Group
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=width, no_wrap=True, overflow="ellipsis")
    grid.add_column(width=width - 1, no_wrap=True, overflow="ellipsis")
    grid.add_row(Group(*left), Group(*right))
    return grid


def _named(name: str, value: str, style: str = "") -> Text:
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ellipsis")
    return text.append(f"{name:<{NAME}}", style="dim").append(value, style=style)


def _line(value: str, style: str) -> Text:
    from rich.text import Text

    return Text(value, style=style, no_wrap=True, overflow="ellipsis")

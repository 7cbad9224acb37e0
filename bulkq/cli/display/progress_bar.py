"""The bar at the bottom of a terminal: what rich draws of the counters of `Progress`. Only this display imports rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.cli.display.progress_text import (
    count_text,
    percent_text,
    rate_text,
    rows_text,
    time_left_text,
    waiting_text,
)
from bulkq.text.durations import duration_text, latency_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

    from bulkq.policy.progress import Progress
    from bulkq.policy.row_progress import RowProgress


def frame(progress: Progress, now_s: float) -> RenderableType:
    """Return the bar with its counts, the counters, and what the run waits for."""
    from rich.console import Group
    from rich.text import Text

    rows = progress.row_progress
    if rows is None:
        eta = progress.eta_s(now_s)
        eta_text = f"eta {'-' if eta is None else duration_text(eta)}"
        right = [count_text(progress), f"{rate_text(progress.rate(now_s))}/s", eta_text]
        counters: RenderableType = _counters(progress)
    else:
        right = [*filter(None, [percent_text(rows)]), time_left_text(progress, now_s)]
        counters = Segments([*_row_segments(progress, rows, now_s), Text("ranges ").append_text(_counters(progress))])
    parts = [_gauge(progress, "  ".join(right)), counters]
    wait = waiting_text(progress)
    if wait:
        parts.append(Text(wait, style="yellow", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _gauge(progress: Progress, right: str) -> RenderableType:
    """Return the name, the bar, and `right` behind it."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    percent = progress.percent()
    top = Table.grid(padding=(0, 2, 0, 0), expand=True)
    top.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
    top.add_column(ratio=1)
    top.add_column(no_wrap=True, justify="right")
    gauge = ProgressBar(total=None if percent is None else 100.0, completed=percent or 0.0, pulse=percent is None)
    top.add_row(Text(progress.name, style="bold"), gauge, Text(right))
    return top


class Segments:
    """Texts in one line, two spaces apart, and in further lines where the terminal is too narrow. None is broken."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        from rich.text import Text

        line = Text(no_wrap=True, overflow="ellipsis")
        for text in self._texts:
            if line and line.cell_len + 2 + text.cell_len > options.max_width:
                yield line
                line = Text(no_wrap=True, overflow="ellipsis")
            line.append("  " if line else "").append_text(text)
        yield line


def _row_segments(progress: Progress, rows: RowProgress, now_s: float) -> list[Text]:
    from rich.text import Text

    rate = rows.rate(now_s, progress.throttled_s)
    texts = [f"rows {rows_text(rows)}", f"{rate_text(rate, ',')} rows/s"]
    if rows.range_rows:
        texts.append(f"range {rows.range_rows:,} rows {latency_text(rows.range_s)}")
    if progress.throttled_s >= 1:
        texts.append(f"throttled {duration_text(progress.throttled_s)}")
    return [Text(text) for text in texts]


def _counters(progress: Progress) -> Text:
    from rich.text import Text

    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"ok {progress.counts.ok:,}", style="green")
    line.append(f"  failed {progress.counts.failed:,}", style="bold red" if progress.counts.failed else "")
    if progress.counts.unknown:
        line.append(f"  unknown {progress.counts.unknown:,}", style="bold red")
    line.append(f"  retried {progress.counts.retried:,}  in flight {progress.in_flight:,}")
    if progress.lanes_why:
        line.append(f"  lanes {progress.lanes}")
    if (workers := progress.workers()) is not None:
        line.append(f"  workers {workers.working}", style="" if workers.working else "bold red")
        line.append(f"  lost {workers.lost}" if workers.lost else "", style="yellow")
    for name, q in (("p50", 0.5), ("p95", 0.95)):
        line.append(f"  {name} {latency_text(progress.latencies.quantile(q))}", style="dim")
    return line

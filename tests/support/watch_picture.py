"""The picture of `bulkq runs RUN --watch` in the documentation. `python -m tests.support.watch_picture` draws it again."""

from __future__ import annotations

import io
import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bulkq.cli.display.watch import NOTE
from bulkq.cli.display.watch_history import WatchHistory
from bulkq.cli.display.watch_page import WatchPage
from bulkq.model import Reading, Unit
from bulkq.model.counts import Counts
from bulkq.model.run_status import Activity, LaneStatus, RowStatus, RunChange, RunStatus, StatusFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE = Path(__file__).parents[2] / "docs/charts/watch.svg"
WIDTH, HEIGHT = 100, 24
TITLE = "bulkq runs 01kb4xq9m2 --watch"


def throttled_backfill(seconds: int = 90) -> WatchHistory:
    """A backfill that a lagging replica has slowed down, and now holds."""
    history = WatchHistory()
    for second in range(seconds):
        history.add(_status(second))
    return history


def _status(second: int) -> RunStatus:
    lag = 0.5 + 0.15 * math.sin(second / 3) + (1.9 if second > 70 else 1.9 / (1 + math.exp((62 - second) / 3)))
    rate = 4_800 + 500 * math.sin(second / 6) if second < 66 else max(0.0, 4_800 - 350 * (second - 66))
    held = second > 76
    return RunStatus(
        run="01kb4xq9m2",
        name="orders",
        command="backfill",
        mode="write",
        process='host "db7", process 4711',
        started_at="2026-11-22T13:05:10.000+00:00",
        at="2026-11-22T14:05:10.000+00:00",
        activity=Activity.THROTTLED if held else Activity.RUNNING,
        reason=f"lag {lag:.1f}s >= 2s (replica-1)" if held else "",
        activity_s=float(second - 76 if held else second),
        elapsed_s=3_400.0 + second,
        throttled_s=220.0,
        percent=41.27,
        done=1_544,
        counts=Counts(ok=1_540, failed=1, retried=3, changed=12_351_000),
        rate=rate,
        rate_average=4_100.0,
        rate_unit="rows",
        eta_s=7_500.0,
        eta_low_s=6_600.0,
        eta_high_s=9_000.0,
        lanes=LaneStatus(working=2 if second > 30 else 4, allowed=2 if second > 30 else 4, wanted=2),
        throttles=_throttles(second, lag),
        p50_s=0.48,
        p95_s=0.61,
        max_s=2.3,
        failures=(
            StatusFailure(
                n=811, target="shop", sqlstate="22P02", message='invalid input syntax for type integer: "12a"'
            ),
        ),
        changes=(
            RunChange(at="2026-11-22T14:04:11.000+00:00", by="alice@db7", text="concurrency 4 -> 2"),
            RunChange(at="2026-11-22T14:04:40.000+00:00", by="bob@ops", text="throttle.lag 5s -> 2s"),
        ),
        backfill=RowStatus(
            done=12_381_000,
            total=30_000_000,
            total_kind="estimate",
            range_rows=8_000 if second < 40 else 4_000,
            range_s=0.48,
            holds="server",
            position="id > 12345000 and id <= 12353000",
        ),
    )


def _throttles(second: int, lag: float) -> tuple[Reading, ...]:
    commit = 0.04 + 0.02 * math.sin(second / 8)
    return (
        Reading(
            name="lag<2s",
            signal="lag",
            target="shop",
            value=f"{lag:.1f}s",
            number=lag,
            limit=2.0,
            unit=Unit.SECONDS,
            load=lag / 2,
            reason=f"lag {lag:.1f}s >= 2s (replica-1)" if lag >= 2 else None,
        ),
        Reading(
            name="commit<200ms",
            signal="commit",
            target="shop",
            value=f"{commit * 1000:.0f}ms",
            number=commit,
            limit=0.2,
            unit=Unit.SECONDS,
            load=commit / 0.2,
        ),
        Reading(name="waiters<1", signal="waiters", target="shop", value="0", number=0.0, limit=1.0, unit=Unit.NUMBER, load=0.0),
        Reading(name="file:/run/bulkq/hold", signal="file", value="absent"),
    )  # fmt: skip


def page_lines(history: WatchHistory, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
    """The page as plain lines."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, height=height, force_terminal=True, no_color=True, color_system=None, _environ={}
    )
    console.print(WatchPage(history, NOTE))
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()]


def draw() -> str:
    """The picture as SVG, which requests nothing."""
    console = Console(
        file=io.StringIO(), width=WIDTH, height=HEIGHT, record=True, force_terminal=True, color_system="standard", _environ={}
    )  # fmt: skip
    console.print(WatchPage(throttled_backfill(), NOTE))
    drawn = console.export_svg(title=TITLE, unique_id="watch")
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"<!--.*?-->\s*", "", drawn)
    return drawn.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def texts_of(svg: str) -> Iterator[str]:
    """The texts of the picture, line by line."""
    from html import unescape

    lines: dict[float, str] = {}
    for y, text in re.findall(r'<text class="watch-r\d+" x="[\d.]+" y="([\d.]+)"[^>]*>(.*?)</text>', svg):
        lines[float(y)] = lines.get(float(y), "") + unescape(text).replace("\xa0", " ")
    yield from (lines[y].rstrip() for y in sorted(lines))


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    sys.stdout.write("\n".join(page_lines(throttled_backfill())) + "\n")

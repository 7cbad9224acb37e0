"""What a rehearsal has shown, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.cli.display.shared_plan_lines import row
from bulkq.policy.gentle_pace import MOST_PAUSE
from bulkq.text.durations import spaced_duration
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.policy.rehearsal_forecast import EstimateBounds, Forecast, RehearsedRange
    from bulkq.tasks.rehearse import TableRehearsal

MEGABYTE = 1_000_000

AUTO_RESTS = (
    f"while other sessions are at work, --nice auto rests for up to {MOST_PAUSE:g} times the work and may use fewer lanes: "
    "the whole may take that much longer"
)


def lines(made: TableRehearsal) -> Iterable[str]:
    """Yield the lines about one target."""
    yield row("target", made.target)
    if made.lost is not None:
        yield row("lost", str(made.lost))
        return
    found = made.rehearsal
    if found is None:
        yield row("table", f"{made.table}: no rows: nothing to rehearse")
        return
    ranges = [one for wave in found.waves for one in wave.ranges]
    good = [one for one in ranges if not one.error]
    yield row("table", f"{made.table}, about {found.total:,} rows")
    yield row("rehearsed", _rehearsed(ranges, found.lanes))
    yield row(
        "changed", f"{sum(one.changed for one in good):,} of {sum(one.rows for one in good):,} rows, all rolled back"
    )
    yield from (row("failed", text) for text in _failed(ranges))
    if found.waited_s is not None:
        by = f", held by {', '.join(found.holders)}" if found.holders else ""
        yield row("lock waits", f"{found.waited_s:.1f} s of {sum(one.elapsed_s for one in ranges):.1f} s{by}")
    if found.throttled_s:
        yield row("throttled", f"{found.throttled_s:.1f} s, which is not in the forecast")
    if made.forecast is not None:
        yield from _forecast(made.forecast)
    yield from (row("left out", text) for text in found.left_out)
    yield from (row("not undone", text) for text in found.lasting)


def _rehearsed(ranges: Sequence[RehearsedRange], lanes: int) -> str:
    rows = [one.rows for one in ranges]
    seconds = [one.elapsed_s for one in ranges]
    sizes = f", {min(rows):,} to {max(rows):,} rows, {min(seconds):.2f} to {max(seconds):.2f} s" if rows else ""
    return f"{counted(len(ranges), 'range')} with {counted(lanes, 'lane')}{sizes}"


def _failed(ranges: Sequence[RehearsedRange]) -> Iterable[str]:
    """Yield each error once, with the number of ranges that had it."""
    errors: dict[str, list[RehearsedRange]] = {}
    for one in ranges:
        if one.error:
            errors.setdefault(" ".join(one.error.split()), []).append(one)
    for text, found in errors.items():
        retried = " (a run tries again)" if found[0].passing else ""
        yield f"{counted(len(found), 'range')}: {text}{retried}"


def _forecast(found: Forecast) -> Iterable[str]:
    rate = found.rows_per_s
    yield row("speed", f"{rate.value:,.0f} rows/s ({rate.low:,.0f} to {rate.high:,.0f}){_pace(found)}")
    yield row("ranges", f"of about {found.range_rows:,} rows, {found.range_s:.2f} s each")
    if found.elapsed_s is not None:
        whole = found.elapsed_s
        low, high = spaced_duration(whole.low), spaced_duration(whole.high)
        rests = " and the rests of --nice auto" if found.pace.auto else ""
        yield row("whole", f"{spaced_duration(whole.value)} ({low} to {high}), without throttled time{rests}")
    if found.pace.auto:
        yield row("rests", AUTO_RESTS)
    if found.wal_bytes is not None:
        yield row("WAL", f"{_bytes(found.wal_bytes)} for the whole, other sessions included")


def _pace(found: Forecast) -> str:
    """What bounds the speed beside the server; "" if nothing does."""
    rests = f", with the rests of --nice {found.pace.nice:g}" if found.pace.nice else ""
    return f"{rests}, bounded by --max-rate" if found.capped else rests


def _bytes(found: EstimateBounds) -> str:
    value, low, high = (f"{one / MEGABYTE:,.0f} MB" for one in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"

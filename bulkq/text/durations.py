"""Durations: as people write them (`250ms`, `30s`, `5m`, `2h`, `none`), and as output shows them. Pure."""

from __future__ import annotations

import re

from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
"""Seconds in each unit that may be written."""

_DURATION = compile_late(r"([+-]?)(\d+(?:\.\d+)?|\.\d+)\s*([a-zA-Z]*)", re.ASCII)
_LONGEST_S = 2_147_483.0  # PostgreSQL's timeouts are a signed 32-bit count of milliseconds


def parse_duration(text: str) -> float | None:
    """Seconds of a duration such as `250ms`, `30s`, `5m` or `2h`; None for `none`, which switches a limit off.

    Raises:
        ValueError: not a duration, a bare number, zero, negative, or longer than a database can wait (24 days);
            one line that quotes `text` and says what to write.
    """
    written = text.strip()
    if written.lower() == "none":
        return None
    found = _DURATION.fullmatch(written)
    if not found:
        raise ValueError(f'{quoted(written)} is not a duration: write "250ms", "30s", "5m", "2h" or "none"')
    sign, number, unit = found[1], found[2], found[3].lower()
    if not unit:
        raise ValueError(
            f'{quoted(written)} has no unit: write "{number}s" for seconds, "{number}ms" for milliseconds or "none"'
        )
    if unit not in SECONDS:
        raise ValueError(f'{quoted(written)} has an unknown unit "{unit}": use ms, s, m or h')
    seconds = float(number) * SECONDS[unit]
    if sign == "-" or not seconds:
        raise ValueError(f'{quoted(written)} is not longer than zero: write "none" for no limit')
    if seconds > _LONGEST_S:
        raise ValueError(f'{quoted(written)} is longer than 24 days: write "none" for no limit')
    return seconds


def exact_duration(value: float | None) -> str:
    """`30s`, `250ms`, `none`: what `parse_duration` reads back."""
    if value is None:
        return "none"
    for unit, size in (("h", 3600), ("m", 60)):
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    return f"{value:g}s" if value >= 1 or value == 0 else f"{value * 1000:g}ms"


def duration_text(seconds: float) -> str:
    """`45s`, `3m04s`, `2h05m`, `3d04h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def latency_text(seconds: float | None) -> str:
    """`0.09ms`, `8.8ms`, `231ms`, `12.3s`, `3m04s`; `-` for None."""
    if seconds is None:
        return "-"
    if seconds >= 100:
        return duration_text(seconds)
    if seconds >= 10:
        return f"{seconds:.1f}s"
    ms = seconds * 1000
    return f"{ms:.0f}ms" if ms >= 10 else f"{ms:.1f}ms" if ms >= 1 else f"{ms:.2f}ms"


def spaced_duration(seconds: float) -> str:
    """`0.4 ms`, `12 ms`, `1.84 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"

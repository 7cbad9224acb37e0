"""Durations as people write them: `250ms`, `30s`, `5m`, `2h`, `none`."""

from __future__ import annotations

import re

from bulkq.text.messages import quoted

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
"""Seconds in each unit that may be written."""

_DURATION = re.compile(r"([+-]?)(\d+(?:\.\d+)?|\.\d+)\s*([a-zA-Z]*)", re.ASCII)
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

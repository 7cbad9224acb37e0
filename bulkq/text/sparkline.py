"""A line of characters that shows values over time. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.,-=+*#"
"""For terminals without Unicode."""


def sparkline(values: Sequence[float | None], width: int, top: float | None = None, levels: str = BLOCKS) -> str:
    """Return one character for each of the last `width` values, right-aligned in as many columns.

    Args:
        values: the oldest first; None is a blank.
        width: columns.
        top: the value of the highest character; None for the largest value. Larger values have the highest character too.
        levels: characters from the lowest to the highest; 0 has the lowest.
    """
    shown = list(values[-width:]) if width > 0 else []
    top = max((value for value in shown if value is not None), default=0.0) if top is None else top
    return "".join(_character(value, top, levels) for value in shown).rjust(width)


def _character(value: float | None, top: float, levels: str) -> str:
    if value is None:
        return " "
    if value <= 0 or top <= 0:
        return levels[0]
    return levels[min(len(levels) - 1, max(0, int(len(levels) * value / top)))]

"""`--window '22:00-06:00 Europe/Berlin'`: the lanes wait outside of these hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bulkq.errors import UsageError
from bulkq.model.throttle_readings import Reading
from bulkq.policy.time_window import parse_window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from bulkq.policy.time_window import TimeWindow


def _now() -> datetime:
    return datetime.now(UTC)


class Windows:
    """Holds the lanes unless one of the windows is open. It is a throttle that needs no reading.

    Args:
        texts: of `--window`.
        now: the time, for tests.

    Raises:
        UsageError: a text is no window, or names an unknown time zone.
    """

    def __init__(self, texts: Sequence[str], now: Callable[[], datetime] = _now) -> None:
        self._windows = [(window, _zone(window)) for window in map(parse_window, texts)]
        self._now = now

    async def open(self) -> None:
        """Nothing is to be opened."""

    def reason(self) -> str | None:
        """Return why the lanes have to wait; None inside a window."""
        now = self._now()
        if any(window.open_at(now.astimezone(zone)) for window, zone in self._windows):
            return None
        return f"outside of the window {', '.join(window.text for window, _ in self._windows)}"

    def load(self) -> float | None:
        """Return None: a window has no scale."""
        return None

    def readings(self) -> tuple[Reading, ...]:
        """Return one reading for all windows."""
        reason, text = self.reason(), ", ".join(window.text for window, _ in self._windows)
        value = "open" if reason is None else "closed"
        return (Reading(name=f"window {text}", signal="window", value=value, reason=reason, age_s=0.0),)

    def of(self, target: str) -> Windows:  # noqa: ARG002 - the hours are those of all targets
        """Return the windows, which hold all targets."""
        return self

    async def close(self) -> None:
        """Nothing is to be closed."""


def _zone(window: TimeWindow) -> tzinfo | None:
    """The time zone of a window; None is that of the machine."""
    if not window.zone:
        return None
    try:
        return ZoneInfo(window.zone)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; a folder of zones is an OSError
        raise UsageError(
            f'--window "{window.text}": unknown time zone "{window.zone}": use one such as Europe/Berlin or UTC'
        ) from None

"""A clock that goes on while the machine sleeps, as the clocks of other machines do; that of `time.monotonic` may stand still."""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def sleepless_s() -> float:
    """Seconds since some moment in the past, which are never set back. Of systems without such a clock, those of `time.monotonic`."""
    return time.clock_gettime(_CLOCK)

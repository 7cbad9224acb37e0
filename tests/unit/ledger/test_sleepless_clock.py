"""The clock that counts the sleep of a machine, too."""

from __future__ import annotations

import time

from bulkq.ledger.sleepless_clock import sleepless_s


def test_it_goes_on_as_the_clock_of_the_system_does() -> None:
    """Its seconds are those of `time.monotonic` while the machine is awake."""
    apart_s = sleepless_s() - time.monotonic()
    time.sleep(0.02)
    assert abs(sleepless_s() - time.monotonic() - apart_s) < 0.01

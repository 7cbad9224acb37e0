"""The clock that counts the sleep of a machine, too."""

from __future__ import annotations

import time

from bulkq.ledger.sleepless_clock import sleepless_s


def test_it_goes_on_as_the_clock_of_the_system_does() -> None:
    """Its seconds are those of `time.monotonic` while the machine is awake."""
    outer_s, began_s, inner_s = time.monotonic(), sleepless_s(), time.monotonic()
    time.sleep(0.02)
    least_s, passed_s, most_s = time.monotonic() - inner_s, sleepless_s() - began_s, time.monotonic() - outer_s
    assert least_s - 0.001 <= passed_s <= most_s + 0.001

"""Whether another lane helps a target, how many it can have, and why not more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkq.model import Capabilities

FAST_S = 0.001
"""Below this time per query, several threads in one interpreter are slower than one lane."""

STUCK_S = 0.5
"""Ten times the intended time of a batch: it contains a slow query, so another lane executes the fast ones."""

TICK_S = 0.05

CONNECT_S = 0.001
"""Processor time that a connection takes on our side at least, whatever the server is."""


def is_fast(able: Capabilities, latency_s: float | None) -> bool:
    """Whether queries are so fast that lanes in this interpreter only wait for each other."""
    return able.in_process and latency_s is not None and latency_s < FAST_S


def wants_lane(able: Capabilities, latency_s: float | None, silent_s: float) -> bool:
    """Whether another lane in this interpreter helps: queries are slow, or the last result arrived `silent_s` ago."""
    if not able.in_process:
        return False
    return silent_s >= STUCK_S if is_fast(able, latency_s) else silent_s >= TICK_S or latency_s is not None


def is_worth_connecting(remaining: int | None, latency_s: float | None, lanes: int) -> bool:
    """Whether another lane saves more time than its connection takes.

    Args:
        remaining: parameter sets that no lane has; None if unknown.
        latency_s: seconds per set of the last batch; None before its end.
        lanes: that have begun. One more saves the last part of `lanes` + 1 of the time that they need.
    """
    if remaining is None or latency_s is None:
        return True
    return remaining * latency_s > CONNECT_S * lanes * (lanes + 1)


def concurrent(able: Capabilities, *, read_only: bool) -> bool:
    """Whether the database executes several queries at the same time."""
    return able.concurrent_reads if read_only else able.concurrent_writes


def useful_lanes(
    able: Capabilities,
    *,
    read_only: bool,
    latency_s: float | None,
    total: int | None,
    processors: int,
    most: tuple[int, str],
) -> tuple[int, str]:
    """The number of lanes from which on no other can help, and the reason.

    Args:
        able: what the driver can do.
        read_only: whether the query reads.
        latency_s: seconds per set, if they are known.
        total: parameter sets, if their number is known.
        processors: of this machine.
        most: lanes that the target may have, and the reason.
    """
    if not concurrent(able, read_only=read_only):
        return 1, "the database executes one query at a time"
    if is_fast(able, latency_s):  # one works; another is there if a slow query holds it
        return min(2, most[0]), "fast queries in this process need no more"
    bounds = [most]
    if able.in_process:
        bounds.append((processors, f"the database runs in this process, which has {processors} processors"))
    if total is not None:
        bounds.append((max(1, total), "there are no more parameter sets"))
    return min(bounds)

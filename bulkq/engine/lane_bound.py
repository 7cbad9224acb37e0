"""How many lanes a target can have, and why not more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkq.engine.part_state import PartState

FAST_S = 0.001
"""Below this time per query, several threads in one interpreter are slower than one lane."""

STUCK_S = 0.5
"""Ten times the intended time of a batch: it contains a slow query, so another lane executes the fast ones."""

TICK_S = 0.05


def is_fast(part: PartState) -> bool:
    """Whether queries are so fast that lanes in this interpreter only wait for each other."""
    latency_s = part.size.latency_s
    return latency_s is not None and latency_s < FAST_S and part.sessions.driver.capabilities.in_process


def wants_lane(part: PartState, silent_s: float) -> bool:
    """Whether another lane in this interpreter helps: queries are slow, or the last result has arrived `silent_s` ago."""
    if not part.sessions.driver.capabilities.in_process:
        return False
    return silent_s >= STUCK_S if is_fast(part) else silent_s >= TICK_S or part.size.latency_s is not None


def concurrent(part: PartState) -> bool:
    """Whether the database executes several queries of `part` at the same time."""
    able = part.sessions.driver.capabilities
    return able.concurrent_reads if part.spec.limits.read_only else able.concurrent_writes


def useful_lanes(part: PartState, most: int) -> tuple[int, str]:
    """The lanes from which on no other can help, at most `most`, and the reason."""
    if not concurrent(part):
        return 1, "the database executes one query at a time"
    if is_fast(part):
        return 1, "fast queries in this process need no more"
    total, processors = part.source.total, os.cpu_count() or 1
    bounds = [(most, part.sessions.bound or "the run is allowed no more")]
    if part.sessions.driver.capabilities.in_process:
        bounds.append((processors, f"the database runs in this process, which has {processors} processors"))
    if total is not None:
        bounds.append((max(1, total), "there are no more parameter sets"))
    return min(bounds)

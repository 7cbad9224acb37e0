"""Memory that a process shares with many forks."""

from __future__ import annotations

import ctypes
from pathlib import Path

LARGE = 1 << 21
"""Bytes of a large page."""

COLLAPSE = 25
"""MADV_COLLAPSE, since Linux 6.1."""


def share_large_pages() -> None:
    """Ask for large pages: a fork copies an entry per page, of thirty thousand small ones, and its end drops them one by one."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    advise = ctypes.CDLL(None).madvise
    for line in maps.read_text().splitlines():
        span, rights, _, _, _, *place = line.split()
        if rights.startswith("rw") and place in ([], ["[heap]"]):
            first, last = (int(end, 16) for end in span.split("-"))
            first = -(-first // LARGE) * LARGE
            if last - first >= LARGE:  # what the system refuses stays as it is
                advise(ctypes.c_void_p(first), ctypes.c_size_t((last - first) // LARGE * LARGE), COLLAPSE)

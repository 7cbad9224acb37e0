"""How much of a database file SQLite keeps in memory while many parameter sets read or change it."""

from __future__ import annotations

from threading import Lock

DEFAULT_BYTES = 2_000_000
"""What SQLite keeps by itself: https://sqlite.org/pragma.html#pragma_cache_size ."""

LARGEST_FILE_BYTES = 32_000_000
"""The largest file that is kept as a whole.

Of a larger file most pages would be read again all the same, into memory that the processor's cache does not hold: random
lookups in a file of 340 MB took a tenth longer with a cache of 32 MB than with one of 2 MB.
"""

ALL_BYTES = 64_000_000
"""Of the files that this process keeps, over all connections."""

MANY_SETS = 50
"""From so many sets in a batch on they may come back to a page. A query that reads a whole file has one or a few."""


class PageCacheBudget:
    """How many bytes of files connections may still keep. Thread-safe: each connection has its thread.

    Args:
        free_bytes: for all of them.
    """

    def __init__(self, free_bytes: int) -> None:
        self._free_bytes = free_bytes
        self._lock = Lock()

    def take(self, file_bytes: int) -> int:
        """Reserve a file of `file_bytes`; return 0 if SQLite's default is as good, or too little is left."""
        with self._lock:
            if not DEFAULT_BYTES < file_bytes <= min(LARGEST_FILE_BYTES, self._free_bytes):
                return 0
            self._free_bytes -= file_bytes
            return file_bytes

    def give_back(self, file_bytes: int) -> None:
        """Let others have what `take` has returned."""
        with self._lock:
            self._free_bytes += file_bytes


BUDGET = PageCacheBudget(ALL_BYTES)


def cache_pragma(file_bytes: int) -> str:
    """The statement that lets SQLite keep a file of `file_bytes` as a whole."""
    return f"PRAGMA cache_size = -{file_bytes * 5 // 4 // 1024}"  # a page has a header in memory

"""How much of a database file SQLite keeps in memory. Pure."""

from __future__ import annotations

DEFAULT_BYTES = 2_000_000
"""What SQLite keeps by itself: https://sqlite.org/pragma.html#pragma_cache_size ."""

LARGEST_FILE_BYTES = 32_000_000
"""The largest file that is kept as a whole.

Of a larger file most pages would be read again all the same, into memory that the processor's cache does not hold: random
lookups in a file of 340 MB took a tenth longer with a cache of 32 MB than with one of 2 MB.
"""


def choose_cache_pragmas(file_bytes: int) -> tuple[str, ...]:
    """The statement that lets SQLite keep a file of `file_bytes` as a whole; none where its own default is as good."""
    if not DEFAULT_BYTES < file_bytes <= LARGEST_FILE_BYTES:
        return ()
    return (f"PRAGMA cache_size = -{file_bytes * 5 // 4 // 1024}",)  # a page has a header in memory

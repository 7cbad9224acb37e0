"""Numbers of bytes: as people write them (`500MB`, `10GB`, `none`), and as output shows them. Pure."""

from __future__ import annotations

import re

from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
"""Bytes in each unit that may be written."""

_SIZE = compile_late(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+)", re.ASCII)


def parse_size(text: str) -> int | None:
    """Bytes of a size such as `500MB` or `10GB`; None for `none`, which switches a limit off.

    Raises:
        ValueError: not a size, a bare number, or zero; one line that quotes `text` and says what to write.
    """
    written = text.strip()
    if written.lower() == "none":
        return None
    found = _SIZE.fullmatch(written)
    unit = UNITS.get(found[2].upper()) if found else None
    if not found or unit is None:
        raise ValueError(f'{quoted(written)} is not a size: write "500MB", "10GB", "1TB" or "none"')
    size = int(float(found[1]) * unit)
    if size < 1:
        raise ValueError(f'{quoted(written)} is not more than zero: write "none" for no limit')
    return size


def size_text(size: int) -> str:
    """`812 bytes`, `64 KB`, `1.5 MB` or `12.0 GB`."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size / 1000:.0f} KB" if size >= 1000 else f"{size} bytes"

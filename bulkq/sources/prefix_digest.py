"""The consumed part of a file: its end, and a digest that shows whether it has changed.

The digest is of bytes that were really consumed, taken as they pass by: never of what the disk holds later.
"""

from __future__ import annotations

import asyncio
import zlib
from hashlib import blake2b
from typing import BinaryIO

from bulkq.errors import RefusedError
from bulkq.model import SourcePosition

DIGEST_BYTES = 16

BLOCK = 1024 * 1024
"""Bytes that are read at a time where a whole file passes by: few hops to a thread, little memory."""


def not_gzip() -> tuple[type[Exception], ...]:
    """What decompression says of a file that was cut or overwritten."""
    from gzip import BadGzipFile  # few files are compressed

    return BadGzipFile, EOFError, zlib.error


class Prefix:
    """The bytes that were consumed from the start of a source: how many, and their rolling digest."""

    def __init__(self) -> None:
        """Begin with none."""
        self.size = 0
        self._digest = blake2b(digest_size=DIGEST_BYTES)

    def add(self, data: bytes) -> None:
        """Append the bytes that were consumed next."""
        self.size += len(data)
        self._digest.update(data)

    def position(self, n: int, line: int) -> SourcePosition:
        """The position behind these bytes, which hold `n` parameter sets and `line` lines."""
        return SourcePosition(n, self.size, line, self._digest.hexdigest())


async def prove_prefix(stream: BinaryIO, name: str, start: SourcePosition) -> Prefix:
    """Read the bytes in front of `start` again, in a thread.

    Raises:
        RefusedError: they are not the same, or there are fewer.
        OSError: the disk fails.
    """
    prefix = Prefix()
    while prefix.size < start.offset:
        try:
            data = await asyncio.to_thread(stream.read, min(BLOCK, start.offset - prefix.size))
        except not_gzip() as error:
            raise refuse_changed_source(name, start.n) from error
        if not data:
            raise refuse_changed_source(name, start.n)
        await asyncio.to_thread(prefix.add, data)
    if prefix.position(start.n, start.line) != start:
        raise refuse_changed_source(name, start.n)
    return prefix


def refuse_changed_source(name: str, n: int) -> RefusedError:
    """The refusal to go on behind set `n` of a source whose beginning is another now."""
    which = "the first parameter set is" if n == 1 else f"the first {n:,} parameter sets are"
    return RefusedError(f"{name} changed since the run began ({which} not the same): start a new run").for_good()

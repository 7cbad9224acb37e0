"""Bytes of a COPY on their way from a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from bulkq.engine.executors.copied_bytes import MOST_BYTES, PIECE_BYTES, CopiedBytes
from bulkq.errors import StoppedError


async def test_bytes_come_in_pieces_and_the_rows_with_the_last() -> None:
    """A writer waits while too many bytes wait; nothing is lost."""
    copied = CopiedBytes()
    sent = bytes(range(256)) * (2 * MOST_BYTES // 256)

    async def copy() -> int:
        for start in range(0, len(sent), PIECE_BYTES // 2):
            waiting = copied.write(sent[start : start + PIECE_BYTES // 2])
            if isinstance(waiting, Awaitable):
                await waiting
        return 7

    copied.start(copy())
    found, rows = b"", None
    while rows is None:
        data, rows = await copied.take()
        found += data
    assert (found, rows) == (sent, 7)


async def test_the_error_of_a_copy_comes_with_its_end() -> None:
    """What failed there fails here; a copy that is closed is cancelled."""
    copied = CopiedBytes()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise StoppedError("no")

    copied.start(fail())
    with pytest.raises(StoppedError, match="no"):
        await copied.take()
    copied.close()
    CopiedBytes().close()

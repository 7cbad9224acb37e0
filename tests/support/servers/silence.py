"""A server that accepts and never answers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def silence() -> AsyncGenerator[str, None]:
    """Its URL, as if it were PostgreSQL; what connected is cut at the end."""
    open_: list[asyncio.StreamWriter] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"postgresql://u@127.0.0.1:{server.sockets[0].getsockname()[1]}/d"
    finally:
        server.close()
        for writer in open_:
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)  # a transport is closed in the next round of the loop

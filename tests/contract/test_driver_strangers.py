"""What answers is no database, or the URL asks for what its library does not know: each driver says so in one line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.errors import TargetError, UsageError
from tests.support.databases import DRIVERS, fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NETWORKED = [name for name, driver in DRIVERS.items() if driver.kind in {"postgresql", "mariadb"}]
PRODUCTS = {"postgresql": "PostgreSQL", "mariadb": "MySQL"}
ANSWERS = {"words": b"HTTP/1.0 400 Bad Request\r\n\r\n", "bytes": b"\xff" * 300, "nothing": b""}


@pytest.fixture
async def strangers() -> AsyncIterator[Callable[[bytes], AsyncIterator[int]]]:
    """Starts a server that says something and hangs up."""
    servers: list[asyncio.Server] = []

    async def start(answer: bytes) -> int:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            if answer:
                await reader.read(1000)
            writer.close()

        servers.append(await asyncio.start_server(talk, "127.0.0.1", 0))
        return int(servers[-1].sockets[0].getsockname()[1])

    yield start  # type: ignore[misc]
    for server in servers:
        server.close()


@pytest.mark.parametrize("driver", NETWORKED)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_stranger_is_called_one(strangers: Callable[[bytes], object], driver: str, answer: str) -> None:
    """Not a server without TLS, and not in the words of a codec: whoever reads it looks at host and port."""
    port = await strangers(ANSWERS[answer])  # type: ignore[misc]
    opened = open_driver(f"{DRIVERS[driver].scheme}://u:hunter2@127.0.0.1:{port}/d", read_only=True)
    product = PRODUCTS[DRIVERS[driver].kind]
    with pytest.raises(TargetError) as caught:
        await opened.connect()
    assert str(caught.value) == (
        f'"127.0.0.1" does not answer as {product} does: is it the right host and port?'
        if ANSWERS[answer] and driver != "mysqlclient"  # its library has one error for all of these
        else f'"127.0.0.1" closed the connection at once: is it {product}, and does it expect TLS?'
    )


async def test_a_server_without_tls_is_called_that(database: str) -> None:
    """The same words of asyncpg's mean this as well: then the server says so itself."""
    opened = open_driver(f"{database}?sslmode=require", read_only=True)
    with pytest.raises(TargetError, match='TLS refused: "127.0.0.1" has none'):
        await opened.connect()


@pytest.mark.parametrize("driver", [*NETWORKED, "duckdb"])
async def test_an_option_that_nobody_knows(request: pytest.FixtureRequest, driver: str) -> None:
    """It is a mistake in the URL, which is named, and no database that is away."""
    url = fresh(DRIVERS[driver].kind, request).url(DRIVERS[driver].scheme)
    with pytest.raises(UsageError, match=r'no option "foo"'):
        await open_driver(f"{url}{'&' if '?' in url else '?'}foo=1", read_only=True).connect()

"""`http` with a service that answers, refuses, closes the connection, hangs, and is gone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from bulkq.throttles import base
from tests.support.held_runs import LOAD, inserting
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest


class Service:
    """Answers with the status of the moment; "close" closes the connection, "hang" gives no answer, "half" a part of one."""

    def __init__(self) -> None:
        self.does = "200 OK"
        self.requests: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(request)
        if self.does in {"hang", "half"}:
            writer.write(b"HTTP/1.1 2" if self.does == "half" else b"")
            await reader.read()
        elif self.does != "close":
            writer.write(f"HTTP/1.1 {self.does}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def serving(service: Service, port: int = 0) -> AsyncIterator[int]:
    """The port on which `service` listens."""
    server = await asyncio.start_server(service.answer, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_service(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its states but 2xx holds the run, one that hangs when its last answer is too old; the reason says which."""
    monkeypatch.setattr(base, "READ_S", 0.3)
    monkeypatch.setattr(base, "UNREAD_S", 1.0)
    await asyncio.to_thread(servers.execute, database, LOAD)
    service = Service()
    async with serving(service) as port:
        url = f"http://127.0.0.1:{port}/check/bulkq"
        async with inserting(database, f"http:{url}", throttle_every_s=0.1) as watcher:
            for does, reason in (
                ("429 Too Many Requests", f"http {url}: 429 Too Many Requests"),
                ("302 Found", f"http {url}: 302 Found"),
                ("close", f"http {url} cannot be read: the connection was closed without an answer"),
                ("hang", f"http {url} was not read for 1s"),
                ("half", f"http {url} was not read for 1s"),
            ):
                service.does = "204 No Content"
                await watcher.until_begun(20)
                service.does = does
                await watcher.until_held(reason)
            service.does = "200 OK"
            await watcher.until_begun(20)
    assert {request.partition("\r\n")[0] for request in service.requests} == {"GET /check/bulkq HTTP/1.1"}


async def test_a_service_that_ends(database: str) -> None:
    """A service that listens no more holds the run, until it does again."""
    await asyncio.to_thread(servers.execute, database, LOAD)
    service = Service()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(service))
        url = f"http://127.0.0.1:{port}/"
        async with inserting(database, f"http:{url}", throttle_every_s=0.1) as watcher:
            await watcher.until_begun(20)
            await stack.aclose()
            await watcher.until_held(f"http {url} cannot be read: ")
            async with serving(service, port):
                await watcher.until_begun(20)

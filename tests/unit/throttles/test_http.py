"""`http:URL`, with a server that answers, closes or stays silent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext, base
from bulkq.throttles.http import HttpThrottle
from tests.support.throttles import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Service:
    """Answers every request with `answer`; None: with nothing, for ever."""

    answer: bytes | None = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    request = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = await reader.readuntil(b"\r\n\r\n")
        if self.answer is None:
            await reader.read()
        writer.write(self.answer or b"")
        writer.close()


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[str]:
    """The URL of a server."""
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def throttle(url: str) -> HttpThrottle:
    """The throttle of a URL."""
    return HttpThrottle(parse_expression(f"http:{url}"), ThrottleContext(run="r1", name="nächtlich"))


async def test_anything_but_success_is_a_reason() -> None:
    """A status, a closed connection, a server that is gone: the lanes wait. The service is told which run asks."""
    service = Service()
    async with serving(service) as url:
        one = throttle(f"{url}/check/bulkq?x=a b")
        await one.open()
        assert one.reason() is None
        assert service.request.startswith(b"GET /check/bulkq?x=a%20b HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"\r\nX-Bulkq-Run: r1\r\nX-Bulkq-Name: n%C3%A4chtlich\r\n" in service.request
        name = f"http {url}/check/bulkq?x=a b"
        service.answer = b"HTTP/1.1 429 Too Many Requests\r\n\r\n"
        await until(one, f"{name}: 429 Too Many Requests")
        service.answer = b"HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n"
        await until(one, f"{name}: 302 Found")
        service.answer = b""
        await until(one, f"{name} cannot be read: the connection was closed without an answer")
        service.answer = b"hello\r\n"
        await until(one, f"{name} cannot be read: the answer is not HTTP")
        service.answer = b"x" * 100_000
        await until(one, f"{name} cannot be read: the answer is not HTTP")
        service.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        await until(one, None)
    async with asyncio.timeout(10):
        while "cannot be read" not in (one.reason() or ""):
            await asyncio.sleep(0.005)
    await one.close()


async def test_a_server_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is no success."""
    service = Service()
    async with serving(service) as url:
        one = throttle(url)
        await one.open()
        monkeypatch.setattr(base, "READ_S", 0.05)
        monkeypatch.setattr(base, "UNREAD_S", 0.3)
        service.answer = None
        await until(one, f"http {url} was not read for 0s")
        await one.close()


@pytest.mark.parametrize("url", ["nothing", "ftp://host/x", "http://", "http://[x", "http://host:99999/"])
def test_what_is_no_url_is_refused(url: str) -> None:
    """The error shows both schemes."""
    with pytest.raises(UsageError, match="is not a URL: use http:http://host/path or http:https://host/path$"):
        throttle(url)


def test_a_password_in_the_url_is_refused() -> None:
    """The first line of a run would print it."""
    with pytest.raises(UsageError, match="the URL holds a user or a password"):
        throttle("https://me:secret@host/x")
    assert throttle("https://[::1]/x") is not None

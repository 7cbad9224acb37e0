"""A TCP proxy that loses connections the way networks do, at the borders of PostgreSQL's messages. The `proxy` fixture.

It knows just enough of the protocol to see where a message begins: https://www.postgresql.org/docs/current/protocol-message-formats.html
With TLS it relays what it cannot read, and only `cut`, `swallow`, `refuse` and `cut_after_bytes` work.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from tests.support.servers.postgres import address_url

if TYPE_CHECKING:
    from collections.abc import Callable

TLS_REQUEST = (80877103).to_bytes(4, "big")
NEGOTIATIONS = {80877103, 80877104}
"""Codes of SSLRequest and GSSENCRequest, which the server answers with a single byte."""

COMMITTED = b"COMMIT\x00"
"""Tag of the CommandComplete that acknowledges a commit. By then the transaction is durable on the server."""


class Proxy:
    """Relays to `host:port` until it is told to do harm. Every method may be called at any time."""

    def __init__(self, host: str, port: int) -> None:
        """Relay to the server at this address once `open` was awaited."""
        self.host = "127.0.0.1"
        self.port = 0
        self.accepted = 0
        self.fired = asyncio.Event()
        """Set when an armed fault has happened."""
        self._target = (host, port)
        self._links: set[Link] = set()
        self._listener: asyncio.Server | None = None
        self._silent = False
        self._fault: Fault | None = None

    async def open(self) -> None:
        """Listen; on the same port again after `refuse`."""
        self._listener = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, cut everything and wait until it is gone."""
        await self.refuse()
        self.cut()
        await asyncio.gather(*(link.ended.wait() for link in tuple(self._links)))

    def through(self, url: str) -> str:
        """The URL of the same database through the proxy."""
        return address_url(url, self.host, self.port)

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._links)

    @property
    def silent(self) -> bool:
        """Whether it swallows what comes."""
        return self._silent

    def cut(self) -> None:
        """Cut every connection now, at both ends."""
        for link in tuple(self._links):
            link.cut()

    def swallow(self) -> None:
        """Keep connections open and lose every byte from now on, in both directions: a black hole."""
        self._silent = True

    async def refuse(self) -> None:
        """Refuse new connections; those that are open stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            await asyncio.sleep(0)

    async def resume(self) -> None:
        """Be a good proxy again. Connections that have lost bytes are cut, for they can never be right again."""
        if self._silent:
            self._silent = False
            self.cut()
        self._fault = None
        if self._listener is None:
            await self.open()

    def cut_after_commit(self, skip: int = 0, *, silently: bool = False) -> None:
        """Cut when the server has committed and before its answer is relayed, after letting `skip` commits pass.

        `silently` swallows from there on instead of cutting.
        """
        self._arm(
            lambda side, message: side == "server" and message[:1] == b"C" and message[5:] == COMMITTED, skip, silently
        )

    def cut_before(self, text: bytes, skip: int = 0, *, silently: bool = False) -> None:
        """Cut before a message of the client that contains `text` reaches the server."""
        self._arm(lambda side, message: side == "client" and text in message, skip, silently)

    def cut_after_bytes(self, count: int, side: str = "server") -> None:
        """Cut when `count` more bytes of the `server` or the `client` were relayed, in the middle of a message too."""
        self._arm(lambda _side, _message: False, 0, silently=False)
        assert self._fault is not None
        self._fault.budget = {side: count}

    def _arm(self, watch: Callable[[str, bytes], bool], skip: int, silently: bool) -> None:
        self.fired.clear()
        self._fault = Fault(watch, skip, silently)

    def meets(self, side: str, message: bytes) -> bool:
        """Whether the armed fault happens at this message, which is then not relayed."""
        fault = self._fault
        if fault is None or not fault.watch(side, message):
            return False
        if fault.skip:
            fault.skip -= 1
            return False
        self._happened(fault)
        return True

    def spend(self, side: str, data: bytes) -> tuple[bytes, bool]:
        """What of `data` may still be relayed, and whether the connection is cut after it."""
        fault = self._fault
        if fault is None or side not in fault.budget:
            return data, False
        left = fault.budget[side]
        if len(data) < left:
            fault.budget[side] = left - len(data)
            return data, False
        self._happened(fault)
        return data[:left], True

    def _happened(self, fault: Fault) -> None:
        self._fault = None
        self._silent = self._silent or fault.silently
        self.fired.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            server = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(self, (reader, writer), server)
        self._links.add(link)
        try:
            await link.relay()
        finally:
            self._links.discard(link)
            link.ended.set()


class Fault:
    """What is armed: when `watch` says so, after `skip` times; or when the `budget` of bytes of a side is spent."""

    __slots__ = ("budget", "silently", "skip", "watch")

    def __init__(self, watch: Callable[[str, bytes], bool], skip: int, silently: bool) -> None:
        """Without a budget of bytes."""
        self.watch = watch
        self.skip = skip
        self.silently = silently
        self.budget: dict[str, int] = {}


class Link:
    """One connection: the client's stream, the server's, and what is known of the protocol's state."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """A connection at its very start."""
        self._proxy = proxy
        self._client = client
        self._server = server
        self._started = False  # the client's first messages have no type byte
        self._single_bytes = 0  # answers of one byte that the server still owes
        self._opaque = False
        self.ended = asyncio.Event()

    async def relay(self) -> None:
        """Until either side ends or the connection is cut."""
        ways = [
            asyncio.create_task(self._pump("client", self._client[0], self._server[1])),
            asyncio.create_task(self._pump("server", self._server[0], self._client[1])),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.cut()
            for way in ways:
                way.cancel()  # a black hole waits for ever
            await asyncio.gather(*ways, return_exceptions=True)

    def cut(self) -> None:
        """Abort both ends; what was written and not yet sent is lost."""
        for _, writer in (self._client, self._server):
            writer.transport.abort()

    async def _pump(self, side: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if self._proxy.silent:
                    continue
                whole, held, cut = self._whole(side, held + data)
                whole, spent = self._proxy.spend(side, whole)
                writer.write(whole)
                await writer.drain()
                if cut or spent:
                    if self._proxy.silent:
                        held = b""
                        continue
                    # What was relayed before the cut has to arrive: abort would drop what the socket has not taken.
                    writer.close()
                    await writer.wait_closed()
                    return
            # A black hole must not pass on that the other side has gone.
            if self._proxy.silent:
                await asyncio.Event().wait()

    def _whole(self, side: str, data: bytes) -> tuple[bytes, bytes, bool]:
        """The whole messages at the start of `data`, the rest, and whether the fault came between them."""
        at = 0
        while (size := self._size(side, data, at)) and at + size <= len(data):
            message = data[at : at + size]
            if self._proxy.meets(side, message):
                return data[:at], b"", True
            self._learn(side, message)
            at += size
        return data[:at], data[at:], False

    def _size(self, side: str, data: bytes, at: int) -> int:
        """Length of the message at `at`; 0 when it cannot be known yet."""
        if self._opaque:
            return len(data) - at
        if side == "server" and self._single_bytes:
            return 1 if len(data) > at else 0
        typed = self._started or side == "server"
        head = at + typed
        if len(data) < head + 4:
            return 0
        return int.from_bytes(data[head : head + 4], "big") + typed

    def _learn(self, side: str, message: bytes) -> None:
        if self._opaque:
            return
        if side == "server" and self._single_bytes:
            self._single_bytes -= 1
            self._opaque = message in {b"S", b"G"}
        elif side == "client" and not self._started:
            if int.from_bytes(message[4:8], "big") in NEGOTIATIONS:
                self._single_bytes += 1
            else:
                self._started = True

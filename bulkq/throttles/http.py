"""`http:URL`: a service says whether the lanes wait, as freno does. Anything but 2xx is a reason."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from bulkq.errors import UsageError
from bulkq.text.characters import escape_unprintable
from bulkq.text.message_parts import quoted
from bulkq.throttles.base import PolledThrottle

if TYPE_CHECKING:
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.throttles.throttle_context import ThrottleContext

MOST_LINE = 8192
"""Bytes of a status line."""

_PRINTED = "!#$%&'()*+,/:;=?@[]~"


class HttpThrottle(PolledThrottle):
    """Holds the lanes while GET gives no status of 2xx. A redirection is not followed.

    The request has the headers `X-Bulkq-Run` (the id) and `X-Bulkq-Name` (percent-encoded). Each request has a connection of its own,
    which ends with a cancelled reading.
    """

    def __init__(self, expression: ThrottleExpression, context: ThrottleContext, target: str | None = None) -> None:
        name = context.title(f"http {expression.argument}", target)
        super().__init__(name, context.every_s, expression=expression, target=target)
        self._host, self._port, self._tls, path = _parts(expression)
        address = f"[{self._host}]" if ":" in self._host else self._host
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {address}:{self._port}",
            "User-Agent: bulkq",
            f"X-Bulkq-Run: {quote(context.run)}",
            f"X-Bulkq-Name: {quote(context.name)}",
            "Accept: */*",
            "Connection: close",
        )
        self._request = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

    async def read(self) -> str | None:
        """Ask the service.

        Raises:
            OSError: it cannot be reached, or its answer is not HTTP.
        """
        context = ssl.create_default_context() if self._tls else None
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=context, limit=MOST_LINE)
        try:
            writer.write(self._request)
            await writer.drain()
            line = (await reader.readline()).decode("latin-1").strip()
        except ValueError as error:
            raise OSError("the answer is not HTTP") from error
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        version, _, status = line.partition(" ")
        code = status[:3]
        if not version.startswith("HTTP/") or not code.isdigit():
            raise OSError("the answer is not HTTP" if line else "the connection was closed without an answer")
        self.note(escape_unprintable(status))
        return None if code.startswith("2") else f"{self.name}: {escape_unprintable(status)}"


def _parts(expression: ThrottleExpression) -> tuple[str, int, bool, str]:
    """Host, port, whether TLS is used, and the path of the URL of an expression.

    Raises:
        UsageError: it is not such a URL, or holds a password.
    """
    where = f"{expression.option} {quoted(expression.text)}"
    try:
        url = urlsplit(expression.argument)
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if not host or url.scheme not in {"http", "https"}:
        raise UsageError(f"{where}: is not a URL: use http:http://host/path or http:https://host/path")
    if url.username is not None:
        raise UsageError(f"{where}: the URL holds a user or a password, which the run would print: leave them out")
    tls = url.scheme == "https"
    path = quote(url.path or "/", safe=_PRINTED) + (f"?{quote(url.query, safe=_PRINTED)}" if url.query else "")
    return host, port or (443 if tls else 80), tls, path

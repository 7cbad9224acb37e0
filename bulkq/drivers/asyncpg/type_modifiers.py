"""The modifiers of result types, such as the precision of a numeric, which asyncpg receives and does not give.

The server sends them in the description of a prepared statement. No SQL returns them without a table or a view of the query. So the bytes
of the connection pass by here while a statement is prepared.
https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-ROWDESCRIPTION
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

HEAD = struct.Struct("!ci")
COUNT = struct.Struct("!h")
FIELD = struct.Struct("!ihIhih")
"""Of a column after its name: table, number in it, type, length, modifier, format."""

ROWS, NO_ROWS = b"T", b"n"
VARIABLE = 4
"""Added to the modifier of a numeric (VARHDRSZ)."""


class DescriptionTap(asyncio.Protocol):
    """Passes everything on to asyncpg's protocol, and keeps the first description of rows.

    Args:
        transport: of the connection.
        inner: its protocol.
    """

    def __init__(self, transport: asyncio.Transport, inner: asyncio.Protocol) -> None:
        self._transport = transport
        self._inner = inner
        self._seen: bytearray | None = bytearray()
        self.types: tuple[int, ...] = ()
        self.modifiers: tuple[int, ...] = ()
        """Of the columns of the first description; () if there was none."""

    def __enter__(self) -> Self:
        """Stand between the connection and asyncpg."""
        self._transport.set_protocol(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Step aside."""
        self._transport.set_protocol(self._inner)

    def data_received(self, data: bytes) -> None:
        """Look for the description, and pass the data on."""
        if self._seen is not None:
            self._seen += data
            self._look(self._seen)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()

    def _look(self, seen: bytearray) -> None:
        at = 0
        while len(seen) - at >= HEAD.size:
            kind, size = HEAD.unpack_from(seen, at)
            end = at + 1 + size
            if kind == ROWS and end <= len(seen):
                fields = fields_of(bytes(seen[at + HEAD.size : end]))
                self.types, self.modifiers = tuple(f[2] for f in fields), tuple(f[4] for f in fields)
            if kind == NO_ROWS or end <= at or (kind == ROWS and end <= len(seen)):
                self._seen = None
                return
            if end > len(seen):
                return
            at = end


def fields_of(description: bytes) -> list[tuple[int, ...]]:
    """The columns in the body of a description, as in `FIELD`; none if it is not one."""
    try:
        (count,) = COUNT.unpack_from(description)
        found: list[tuple[int, ...]] = []
        at = COUNT.size
        for _ in range(count):
            at = description.index(b"\0", at) + 1
            found.append(FIELD.unpack_from(description, at))
            at += FIELD.size
    except (struct.error, ValueError):
        return []
    return found


def name_modified_type(name: str, modifier: int) -> str:
    """The name of a type with its modifier: `numeric(20,4)`, `numeric(20,4)[]`. Other types keep their names."""
    bare = name.removesuffix("[]")
    if bare != "numeric" or modifier < VARIABLE:
        return name
    digits = modifier - VARIABLE
    scale = ((digits & 0x7FF) ^ 0x400) - 0x400  # 11 bits with a sign since PostgreSQL 15; up to 1000 before
    return f"{bare}({digits >> 16 & 0xFFFF},{scale}){name[len(bare) :]}"

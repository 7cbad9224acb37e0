"""Modifiers of result types."""

from __future__ import annotations

import asyncio
import struct

import pytest

from bulkq.drivers.asyncpg.type_modifiers import DescriptionTap, fields_of, name_modified_type


def description_of(*modifiers: int) -> bytes:
    """The body of a description of columns."""
    fields = [b"name\0" + struct.pack("!ihihih", 0, 0, 1700, -1, modifier, 0) for modifier in modifiers]
    return struct.pack("!h", len(modifiers)) + b"".join(fields)


def message(kind: bytes, body: bytes) -> bytes:
    """A message of the protocol."""
    return kind + struct.pack("!i", len(body) + 4) + body


class Recorded(asyncio.Protocol):
    """What asyncpg would get."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)

    def eof_received(self) -> None:
        self.calls.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


class Wire(asyncio.Transport):
    """A transport that knows its protocol."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: object = None

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        ([message(b"1", b""), message(b"t", b"\0\0"), message(b"T", description_of(-1, 1310728))], (-1, 1310728)),
        ([message(b"T", description_of(5)), message(b"T", description_of(6))], (5,)),
        ([message(b"n", b""), message(b"T", description_of(6))], ()),
        ([b"T\xff\xff\xff\x00" + b"x" * 20], ()),
        ([message(b"T", b"\0\5x")], ()),
    ],
)
def test_first_description(messages: list[bytes], wanted: tuple[int, ...], size: int) -> None:
    """However the bytes arrive, the first description counts, and asyncpg gets everything."""
    data, inner, wire = b"".join(messages), Recorded(), Wire()
    with DescriptionTap(wire, inner) as tap:
        assert wire.protocol is tap
        for at in range(0, len(data), size):
            tap.data_received(data[at : at + size])
        tap.pause_writing()
        tap.resume_writing()
        tap.eof_received()
        tap.connection_lost(None)
    assert wire.protocol is inner
    assert tap.modifiers == wanted
    assert tap.types == (1700,) * len(wanted)
    assert inner.calls[-4:] == ["pause", "resume", "eof", "lost"]
    assert b"".join(call for call in inner.calls if isinstance(call, bytes)) == data


def test_not_a_description() -> None:
    """A body that ends too early gives nothing."""
    assert fields_of(b"") == []


@pytest.mark.parametrize(
    ("name", "modifier", "wanted"),
    [
        ("numeric", -1, "numeric"),
        ("numeric", 1310728, "numeric(20,4)"),
        ("numeric[]", 1310728, "numeric[]".replace("numeric", "numeric(20,4)")),
        ("numeric", (5 << 16 | (-2 & 0x7FF)) + 4, "numeric(5,-2)"),
        ("text", 10, "text"),
    ],
)
def test_names(name: str, modifier: int, wanted: str) -> None:
    """A numeric has its precision and scale."""
    assert name_modified_type(name, modifier) == wanted

"""Values of MySQL Connector/Python, made of the text of the server.

The library itself gives None for a date that Python does not have; a SET is a Python set, whose order changes from process to process,
and a BIT is a number. Its raw cursors leave the text alone.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from bulkq.drivers.dbapi.adapters.mysql_results import MOMENTS, TIME, WRITTEN, moment, timedelta_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.drivers.dbapi.adapter_return_types import Form, Forms
    from bulkq.model import Decoding

BINARY = 63
"""The collation of bytes."""

BIT = 16
TEXTS = frozenset({15, 245, *range(249, 256)})
"""VARCHAR, JSON, BLOB and TEXT of every length, VAR_STRING, STRING, GEOMETRY."""

NUMBERS: dict[int, Callable[[bytes], object]] = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), int),
    **dict.fromkeys((4, 5), float),
    **dict.fromkeys((0, 246), lambda data: Decimal(data.decode())),
}
"""What makes a number of its text, by field type."""


def raw_forms(description: Sequence[Sequence[Any]], decoding: Decoding, charset: str) -> Forms:
    """What makes the values of a raw cursor's columns.

    Args:
        description: of the cursor: type and collation are in places 1 and 8.
        decoding: the form that is wanted.
        charset: of the connection, by Python's name.
    """
    return [_form(entry[1], entry[8], decoding, charset) for entry in description]


def _form(kind: int, collation: int, decoding: Decoding, charset: str) -> Form:
    decoded = partial(_decode, charset=charset)
    if kind in WRITTEN[decoding]:
        return decoded
    if kind in NUMBERS:
        return NUMBERS[kind]
    if kind in MOMENTS:
        return lambda data: moment(kind, data.decode())
    if kind == TIME:
        return lambda data: timedelta_of(data.decode())
    if kind == BIT or (kind in TEXTS and collation == BINARY):
        return bytes
    return decoded


def _decode(data: bytes, charset: str) -> object:
    """Text; bytes if they are none in this character set."""
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        return bytes(data)

"""Encode parameter values as JSON, and decode exactly the same values.

JSON has str, int, float, bool, None and lists. The rest is an object of one key: `{"bytes":"00ff"}`, `{"tuple":[...]}`,
`{"dict":[[key,value],...]}`, `{"spelled":["5",5]}`, and `{"int":"-0x..."}` for integers of more digits than Python turns into decimal text.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.model.text_or_number import TextOrNumber

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import ParameterSet

LARGE = 1 << 64
"""From here on integers are written in hexadecimal; decimal costs the square of their length."""

_encoder = json.JSONEncoder(separators=(",", ":"))
"""ASCII, so no line ends within a value, and half a surrogate pair comes back as it was."""

PLAIN = frozenset([str, int, float, bool, type(None)])


def encode_values(head: list[object], sets: Sequence[ParameterSet] | None = None) -> str:
    """The array of `head` as JSON on one line; with `sets`, their array is its last element.

    Raises:
        ParameterError: there is a value in `sets` that has no exact form here.
    """
    if sets is None:
        return _encoder.encode(head)
    if set(map(type, chain.from_iterable(sets))) <= PLAIN:
        try:
            return _encoder.encode([*head, sets])
        except ValueError:  # an integer of more digits than Python turns into text
            pass
    return _encoder.encode([*head, [list(map(_tagged, one)) for one in sets]])


def decode_values(text: str) -> object:
    """The value that `encode_values` wrote."""
    return _decoder.decode(text)


def _tagged(value: object) -> object:
    kind = type(value)
    if kind in (str, float, bool) or value is None:
        return value
    if kind is int:
        return value if -LARGE < value < LARGE else {"int": hex(value)}  # type: ignore[operator,arg-type]
    if kind is list:
        return [_tagged(one) for one in value]  # type: ignore[attr-defined]
    if kind is tuple:
        return {"tuple": [_tagged(one) for one in value]}  # type: ignore[attr-defined]
    if kind is dict:
        return {"dict": [[key, _tagged(one)] for key, one in value.items()]}  # type: ignore[attr-defined]
    if kind is TextOrNumber:
        return {"spelled": [str(value), value.number]}  # type: ignore[attr-defined]
    if kind is bytes:
        return {"bytes": value.hex()}  # type: ignore[attr-defined]
    raise ParameterError(f"a value of type {kind.__name__} cannot be stored for a resume")


def _untagged(found: dict[str, object]) -> object:
    ((tag, value),) = found.items()
    if tag == "bytes":
        return bytes.fromhex(str(value))
    if tag == "int":
        return int(str(value), 16)
    assert isinstance(value, list)
    if tag == "spelled":
        return TextOrNumber(*value)
    return dict(value) if tag == "dict" else tuple(value)


_decoder = json.JSONDecoder(object_hook=_untagged)

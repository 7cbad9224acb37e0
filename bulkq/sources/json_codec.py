"""Decode and encode JSON: exact numbers, no NaN, no duplicate keys."""

from __future__ import annotations

import json
import sys
from json.scanner import make_scanner
from typing import TYPE_CHECKING, NoReturn

from bulkq.text.json_text import JsonNumber
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

NEAR = 16
"""Characters that a message shows of the place where a decoder gave up."""


class DuplicateKey(ValueError):
    """An object has two keys of one name; whichever were taken, the other value would be lost."""


SPACED = compile_late(r'"\s+:')
"""What ends a key besides `":`."""

KINDS = {
    list: "an array",
    str: "a string",
    JsonNumber: "a number",
    int: "a number",
    float: "a number",
    bool: "true or false",
}


def make_decoder(number: Callable[[str], object] | None) -> json.JSONDecoder:
    """A decoder that makes numbers with `number` (None: int and float); refuses a key twice, and what JSON has no word for.

    A number beyond the range of float comes out infinite: looking at each would double the cost of all; `values` looks.
    """
    return json.JSONDecoder(parse_int=number, parse_float=number, parse_constant=_refuse, object_pairs_hook=_once)


def make_object_scanner(number: Callable[[str], object] | None) -> Callable[[str, int], tuple[dict[str, object], int]]:
    """The value at an index and where it ends, several times as fast as that of `make_decoder`. The caller checks for an object.

    Of keys that are there twice it takes the last: the caller asks `has_plain_keys`, and the decoder where the answer is no.
    """
    fast = json.JSONDecoder(parse_int=number, parse_float=number, parse_constant=_refuse)
    return make_scanner(fast)  # type: ignore[arg-type]  # typeshed names the context after the scanner itself


def has_plain_keys(text: str, keys: int, begin: int = 0, end: int = sys.maxsize) -> bool:
    """Whether it can be seen at once that the objects in `text` have no more keys than the `keys` that were found."""
    return text.count('":', begin, end) == keys and not SPACED.search(text, begin, end)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise DuplicateKey(f"two keys are named {quoted(next(name for name in names if names.count(name) > 1))}")
    return found


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number: write null")


def json_text(value: object) -> str:
    """`value`, which came out of JSON, as JSON again; numbers keep their spelling."""
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{_dumps(k)}:{json_text(v)}" for k, v in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([json_text(v) for v in value]) + "]"
    return _dumps(value)


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def name_kind(value: object) -> str:
    """What a JSON value is called."""
    return KINDS.get(type(value), "null")


def why_not_json(error: Exception) -> str:
    """One line about a decoder's error."""
    if isinstance(error, DuplicateKey):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        found = quoted(error.doc[error.pos : error.pos + NEAR]) if error.pos < len(error.doc) else "the end"
        return f"not JSON: {error.msg[:1].lower()}{error.msg[1:].removesuffix(' at')}, found {found}"
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    return f"not JSON: {str(error).partition(': value has')[0]}"

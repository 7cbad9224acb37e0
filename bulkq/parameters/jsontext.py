"""How JSON is decoded here, and written again: exact numbers, no NaN. Called by the JSON formats and `values`."""

from __future__ import annotations

import json
from json.scanner import make_scanner
from typing import TYPE_CHECKING, NoReturn

from bulkq.parameters.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable

NEAR = 16
"""Characters that a message shows of the place where a decoder gave up."""


class Number(str):
    """A JSON number as it was written: text that is known not to have been a string."""

    __slots__ = ()


KINDS = {
    list: "an array",
    str: "a string",
    Number: "a number",
    int: "a number",
    float: "a number",
    bool: "true or false",
}


def decoder(number: Callable[[str], object] | None) -> json.JSONDecoder:
    """A decoder that makes numbers with `number` (None: int and float) and refuses what JSON has no word for.

    A number beyond the range of float comes out infinite: looking at each would double the cost of all; `values` looks.
    """
    return json.JSONDecoder(parse_int=number, parse_float=number, parse_constant=_refuse)


def scanner(made_of: json.JSONDecoder) -> Callable[[str, int], tuple[dict[str, object], int]]:
    """The value at an index and where it ends, twice as fast as `raw_decode`. Who calls checks for an object."""
    return make_scanner(made_of)  # type: ignore[arg-type]  # typeshed names the context after the scanner itself


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number; write null")


def json_text(value: object) -> str:
    """`value`, which came out of JSON, as JSON again; numbers keep their spelling."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{_dumps(k)}:{json_text(v)}" for k, v in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([json_text(v) for v in value]) + "]"
    return _dumps(value)


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def kind(value: object) -> str:
    """What a JSON value is called."""
    return KINDS.get(type(value), "null")


def why_not_json(error: Exception) -> str:
    """One line about a decoder's error."""
    if isinstance(error, json.JSONDecodeError):
        found = shown(error.doc[error.pos : error.pos + NEAR]) if error.pos < len(error.doc) else "the end"
        return f"not JSON: {error.msg[:1].lower()}{error.msg[1:].removesuffix(' at')}, found {found}"
    if isinstance(error, RecursionError):
        return "not JSON that can be read: nested too deeply"
    return f"not JSON: {str(error).partition(': value has')[0]}"

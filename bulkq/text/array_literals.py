"""The values of a list placeholder in every accepted notation, for a database that converts text. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bulkq.text.json_text import JsonNumber
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Sequence


def list_of_text(value: object) -> list[str | None]:
    """The elements of a list, a JSON array or a one-dimensional array literal `{1,"a b",NULL}`, for the server to convert.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, str) and LITERAL.fullmatch(value):
        return [_literal(*item) for item in ELEMENT.findall(value[1:-1])]
    items = _parsed(value) if isinstance(value, str) else value
    if isinstance(items, (list, tuple)):
        return [_element(item) for item in items]
    raise ValueError(f'"{value}" is not a JSON array')


def literal_of(values: Sequence[object]) -> str:
    """An array literal of PostgreSQL with one element for each text; None is NULL.

    Raises:
        ValueError: a value is not text.
    """
    if None in values:
        return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"
    try:
        joined = "".join(values)  # type: ignore[arg-type] # what is not text raises
    except TypeError:
        raise ValueError("a value is not text") from None
    if '"' in joined or "\\" in joined:
        return "{" + ",".join(map(_quoted, values)) + "}"
    return '{"' + '","'.join(values) + '"}' if values else "{}"  # type: ignore[arg-type] # texts


def array_of_json(value: object, delimiter: str = ",") -> object:
    """A JSON array as an array literal, whose dimensions are the arrays in it; any other text as it is.

    A JSON object, and a number or text of a `json[]`, becomes an element as its JSON text.

    Raises:
        ValueError: the arrays in it have different lengths.
    """
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    items = _parsed(value)  # `[0:1]={1,2}`, an array literal with its bounds, is not JSON
    if not isinstance(items, list):
        return value
    _dimensions(items)
    return _array(items, delimiter)


def _dimensions(items: list[object]) -> tuple[int, ...]:
    inner = {_dimensions(item) if isinstance(item, list) else () for item in items}
    if len(inner) > 1:
        raise ValueError("its inner arrays have different lengths, which a database array cannot hold")
    return (len(items), *next(iter(inner), ()))


def _array(items: list[object], delimiter: str) -> str:
    inner = (_array(item, delimiter) if isinstance(item, list) else _array_element(_element(item)) for item in items)
    return "{" + delimiter.join(inner) + "}"


def array_text(items: Sequence[object]) -> str:
    """The array literal of texts, NULLs and lists of them: `{"a b",NULL,{"c"}}`."""
    return "{" + ",".join(map(_array_element, items)) + "}"


def _array_element(item: object) -> str:
    if item is None:
        return "NULL"
    if isinstance(item, (list, tuple)):
        return array_text(item)
    return '"' + str(item).replace("\\", "\\\\").replace('"', '\\"') + '"'


_ELEMENT = r'"((?:[^"\\]|\\.)*)"|([^",{}\\]+)'
ELEMENT = compile_late(_ELEMENT, re.DOTALL)
LITERAL = compile_late(rf"\{{(?:(?:{_ELEMENT})(?:,(?:{_ELEMENT}))*)?\}}", re.DOTALL)
"""A one-dimensional array literal and its elements, quoted or bare."""


def _literal(quoted: str, bare: str) -> str | None:
    if not bare:
        return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    return None if bare.strip().upper() == "NULL" else bare.strip()


def _parsed(text: str) -> object:
    """JSON with its numbers as they are written, or None if it is not JSON."""
    try:
        return json.loads(text, parse_float=JsonNumber, parse_int=JsonNumber)
    except (json.JSONDecodeError, RecursionError):
        return None


def _element(item: object) -> str | None:
    if item is None or isinstance(item, str):
        return item
    return _json(item) if isinstance(item, (bool, list, dict)) else str(item)


def _json(item: object) -> str:
    """JSON again, with its numbers as they were written."""
    if isinstance(item, JsonNumber):
        return str(item)
    if isinstance(item, dict):
        return "{" + ", ".join(f"{_json(key)}: {_json(value)}" for key, value in item.items()) + "}"
    if isinstance(item, list):
        return "[" + ", ".join(map(_json, item)) + "]"
    return json.dumps(item, ensure_ascii=False)


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a value is not text")  # noqa: TRY004 - of what is documented
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

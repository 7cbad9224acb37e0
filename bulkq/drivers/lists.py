"""The values of a list placeholder, however they are written, for a database that converts text. Pure; called by drivers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

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
ELEMENT = re.compile(_ELEMENT, re.DOTALL)
LITERAL = re.compile(rf"\{{(?:(?:{_ELEMENT})(?:,(?:{_ELEMENT}))*)?\}}", re.DOTALL)
"""A one-dimensional array literal and its elements, quoted or bare."""


def _literal(quoted: str, bare: str) -> str | None:
    if not bare:
        return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    return None if bare.strip().upper() == "NULL" else bare.strip()


def _parsed(text: str) -> object:
    """JSON with its numbers as they are written, or None where it is none."""
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except json.JSONDecodeError:
        return None


def _element(item: object) -> str | None:
    if item is None or isinstance(item, str):
        return item
    return json.dumps(item, ensure_ascii=False) if isinstance(item, (bool, list, dict)) else str(item)

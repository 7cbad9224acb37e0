"""In which form result values come: the wrapper's select list per type, and the same by hand where nothing can be wrapped.

The server writes the forms: a cast in the select list costs less than any conversion here and is right for every type.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING

from bulkq.drivers.texts import certain
from bulkq.model import Column, Decoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bulkq.drivers.asyncpg.catalog import Type

BOOL, BYTEA, INT8, INT2, INT4, TEXT, OID, JSON, XML = 16, 17, 20, 21, 23, 25, 26, 114, 142
FLOAT4, FLOAT8, BPCHAR, VARCHAR, NAME, NUMERIC, JSONB = 700, 701, 1042, 1043, 19, 1700, 3802
DATE, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ = 1082, 1083, 1114, 1184, 1266
CIDR, INET = 650, 869
# Object ids of built-in types never change (src/include/catalog/pg_type.dat).

NATIVE = frozenset({BOOL, INT2, INT4, INT8, OID, TEXT, BPCHAR, VARCHAR, NAME})
"""What asyncpg decodes into exactly what COPY writes, or into an int or bool that the sink writes so."""

TIMES = frozenset({DATE, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ})
FAITHFUL = frozenset({BOOL, INT2, INT4, INT8, TEXT, BPCHAR, VARCHAR, NAME, FLOAT4, FLOAT8, CIDR, INET}) | TIMES
"""Elements of arrays that `to_json` writes as we do: integers exact, times in ISO 8601, `10.0.0.1` without the `/32` of its
cast. A numeric would lose its string."""


def column(name: str, kind: Type, decoding: Decoding) -> Column:
    """The column as a sink sees it."""
    raw = decoding is Decoding.JSON and (kind.oid in (JSON, JSONB) or bool(kind.element))
    return Column(name, kind.name, raw)


def expression(place: str, kind: Type, decoding: Decoding) -> str:
    """The select list item that gives the column at `place` (`q.c1`) in the wanted form."""
    if decoding is Decoding.PYTHON:
        return place
    if decoding is Decoding.TEXT:
        return place if kind.oid in NATIVE else as_text(place, kind)
    return _as_json(place, kind)


def as_text(place: str, kind: Type) -> str:
    """What the type's output function writes, as COPY does; `::text` is another thing where somebody defined a cast."""
    if kind.own_text:
        return f"CASE WHEN num_nulls({place}) = 1 THEN NULL ELSE format('%s', {place}) END"
    return f"{place}::text"


def _as_json(place: str, kind: Type) -> str:
    if kind.oid in NATIVE or kind.oid in (FLOAT8, BYTEA):
        return place
    if kind.oid == FLOAT4:
        return f"{place}::text::float8"  # 1.1, where widening its bits gives 1.10000002384185791
    if kind.oid == JSON:
        return f"translate({place}::text, E'\\n\\r', '  ')"  # line ends are blanks between JSON's tokens, and a line is a value
    if kind.oid == JSONB:
        return f"{place}::text"
    if kind.oid in TIMES:
        return f"to_json({place}) #>> '{{}}'"
    if kind.element:
        inner = place if kind.element in FAITHFUL else f"{place}::text[]"
        return f"to_json({inner})::text"
    return as_text(place, kind)


def converters(kinds: Sequence[Type], decoding: Decoding) -> tuple[Callable[[object], object] | None, ...]:
    """What turns asyncpg's Python values into the wanted form, per column, for statements that cannot be wrapped."""
    if decoding is Decoding.PYTHON:
        return tuple(None for _ in kinds)
    return tuple(_converter(kind, decoding) for kind in kinds)


def _converter(kind: Type, decoding: Decoding) -> Callable[[object], object] | None:
    if kind.oid in NATIVE:
        return None
    convert = _by_hand(kind, decoding)
    return convert and _optional(lambda value: convert(certain(kind.name, value)))


def _by_hand(kind: Type, decoding: Decoding) -> Callable[[object], object] | None:
    if decoding is Decoding.TEXT:
        return _text
    if kind.oid in (FLOAT4, FLOAT8, BYTEA, JSONB):
        return None
    if kind.oid == JSON:
        return lambda value: str(value).translate({10: " ", 13: " "})
    return _json_array if kind.element else _iso


def _optional(convert: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: None if value is None else convert(value)


def _text(value: object) -> str:
    """Very nearly what the server would write; it is only asked for where its own text cannot be had."""
    match value:
        case bool():
            return "t" if value else "f"
        case bytes():
            return "\\x" + value.hex()
        case float():
            return repr(value).removesuffix(".0").replace("inf", "Infinity").replace("nan", "NaN")
        case Decimal():
            return f"{value:f}"
        case dt.datetime() | dt.time() | dt.timedelta():
            return _moment(value)
        case list() | tuple():
            return _composed(value)
    return str(value)


def _moment(value: dt.datetime | dt.time | dt.timedelta) -> str:
    if isinstance(value, dt.timedelta):
        return _interval(value)
    text = value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return text.removesuffix(":00") if text[-6:-5] in {"+", "-"} else text


def _composed(value: Sequence[object]) -> str:
    """An array, or a composite."""
    if isinstance(value, list):
        return "{" + ",".join(_element(item) for item in value) + "}"
    return "(" + ",".join("" if item is None else _quoted(_text(item), '(),"\\') for item in value) + ")"


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else _text(value)


def _json_array(value: object) -> str:
    return json.dumps(value, default=_iso, ensure_ascii=False, separators=(",", ":"))


def _interval(value: dt.timedelta) -> str:
    seconds = value.seconds
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    days = f"{value.days} day{'' if value.days == 1 else 's'} " if value.days else ""
    return f"{days}{clock}{fraction}" if seconds or fraction or not days else days.rstrip()


def _element(item: object) -> str:
    if item is None:
        return "NULL"
    if isinstance(item, list):
        return _text(item)
    text = _text(item)
    return f'"{text}"' if text.upper() == "NULL" else _quoted(text, '{},"\\')


def _quoted(text: str, special: str) -> str:
    if text and not any(c in special or c.isspace() for c in text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def transposed(records: Iterable[Sequence[object]], width: int) -> list[Sequence[object]]:
    """Rows into columns; `width` empty columns where there are no rows."""
    return list(zip(*records, strict=True)) or [()] * width

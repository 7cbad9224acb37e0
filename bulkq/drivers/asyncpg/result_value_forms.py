"""The form of result values: which the server prints, which the wrapper casts, and what JSON makes of a printed text.

A printed value is one that the server sends in the protocol's text format: its type's output function writes it, as for
COPY. That holds for every type and every statement, so bulkq formats no value of PostgreSQL by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.drivers.asyncpg.pg_types import (
    ANYARRAY,
    BOOL,
    BPCHAR,
    BYTEA,
    CIDR,
    DATE,
    FLOAT4,
    FLOAT8,
    INET,
    INT2,
    INT4,
    INT8,
    JSON,
    JSONB,
    NAME,
    OID,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    VARCHAR,
)
from bulkq.drivers.asyncpg.type_modifiers import name_modified_type
from bulkq.model import Column, Decoding
from bulkq.text import pg_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bulkq.drivers.asyncpg.pg_types import PgType

    Converter = Callable[[str], object]
    """Makes the wanted value of a printed text."""

NATIVE = frozenset({BOOL, INT2, INT4, INT8, OID, TEXT, BPCHAR, VARCHAR, NAME})
"""What libraries decode into exactly what COPY writes, or into an int or bool that the sink writes so."""

BINARY = {
    Decoding.TEXT: NATIVE | {ANYARRAY},
    Decoding.JSON: NATIVE | {ANYARRAY, FLOAT8, BYTEA},
}
"""Types that are not printed. JSON sinks write floats and bytes themselves. asyncpg reads `anyarray` as text on every
session, because it has no binary form."""

MOMENTS = frozenset({TIMESTAMP, TIMESTAMPTZ})
TIMES = frozenset({DATE, TIME, TIMETZ}) | MOMENTS
FAITHFUL = frozenset({BOOL, INT2, INT4, INT8, TEXT, BPCHAR, VARCHAR, NAME, FLOAT4, FLOAT8, CIDR, INET}) | TIMES
"""Elements of arrays that `to_json` writes as we do: integers exact, times in ISO 8601, `10.0.0.1` without the `/32` of its
cast. A numeric would lose its string."""

ELEMENTS = (
    dict.fromkeys((INT2, INT4, INT8, FLOAT4, FLOAT8), pg_text.number_json)
    | dict.fromkeys(MOMENTS, pg_text.moment_json)
    | {BOOL: pg_text.bool_json}
)
"""Elements of arrays that are not strings in JSON, or not the server's text."""


def describe_column(name: str, kind: PgType, decoding: Decoding, modifier: int = -1) -> Column:
    """The column as a sink sees it."""
    raw = decoding is Decoding.JSON and (kind.oid in (JSON, JSONB) or bool(kind.element))
    return Column(name, name_modified_type(kind.name, modifier), raw)


def find_printed_types(oids: Iterable[int], decoding: Decoding) -> frozenset[int]:
    """Those of the types with `oids` whose values the server prints."""
    if decoding is Decoding.PYTHON:
        return frozenset()
    return frozenset(oids) - BINARY[decoding]


def write_expression(place: str, kind: PgType, decoding: Decoding) -> str:
    """The select list item of a wrapper for the column at `place` (`q.c1`).

    JSON of times and arrays is written by the server here; a cast costs less than a conversion in Python.
    """
    if decoding is not Decoding.JSON:
        return place
    if kind.oid == FLOAT4:
        return f"{place}::text::float8"  # 1.1, where widening its bits gives 1.10000002384185791
    if kind.oid in TIMES:
        return f"to_json({place}) #>> '{{}}'"
    if not kind.element or _unwrapped_array(kind):
        return place
    inner = place if kind.element in FAITHFUL else f"{place}::text[]"
    return f"to_json({inner})::text"


def choose_converters(kinds: Sequence[PgType], decoding: Decoding, *, wrapped: bool) -> tuple[Converter | None, ...]:
    """What makes the wanted values of the printed texts of columns; () if all are wanted as they are."""
    if decoding is not Decoding.JSON:
        return ()
    found = [choose_json_converter(kind) if not wrapped or _unwrapped_array(kind) else None for kind in kinds]
    return tuple(found) if any(found) else ()


def choose_json_converter(kind: PgType) -> Converter | None:
    """What makes the JSON value of a printed text of `kind`; None if it is the text itself."""
    if kind.oid == FLOAT4:
        return float
    if kind.oid in MOMENTS:
        return pg_text.format_iso
    if kind.element:
        return pg_text.array_json(ELEMENTS.get(kind.element, pg_text.string_json), kind.delimiter)
    return None


def convert_columns(
    values: Sequence[Sequence[object]], converting: Sequence[Converter | None]
) -> Sequence[Sequence[object]]:
    """The columns `values` after `converting`; NULL stays."""
    if not converting:
        return values
    return [
        cells if convert is None else [None if cell is None else convert(str(cell)) for cell in cells]
        for cells, convert in zip(values, converting, strict=True)
    ]


def _unwrapped_array(kind: PgType) -> bool:
    """Whether the server cannot write an array as JSON: a cast of its elements would not print them."""
    return bool(kind.element) and kind.own_text and kind.element not in FAITHFUL


def transpose(records: Iterable[Sequence[object]], width: int) -> list[Sequence[object]]:
    """Rows into columns; `width` empty columns where there are no rows."""
    return list(zip(*records, strict=True)) or [()] * width

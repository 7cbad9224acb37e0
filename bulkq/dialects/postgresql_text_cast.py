"""The SQL that turns text into a type as the type's input function does, as in COPY and EXECUTE. Pure; shared by PostgreSQL's drivers.

An explicit cast from text is not always the input function: it cuts a text to the length of a type, reads `1` as a second where
the type is `interval hour`, and calls a cast function where one was defined. Only types for which this matters pay for another form.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.text.array_literals import array_of_json
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TYPES = """\
WITH RECURSIVE wanted AS (
  SELECT t.*, coalesce((SELECT e.oid FROM pg_catalog.pg_type AS e WHERE e.typarray = t.oid), 0::oid) AS element
    FROM pg_catalog.pg_type AS t WHERE t.oid = ANY({}::oid[])),
chain(root, oid, typmod) AS (
  SELECT r, r, -1 FROM (SELECT oid FROM wanted UNION SELECT element FROM wanted) AS roots(r)
  UNION ALL
  SELECT c.root, d.typbasetype, d.typtypmod FROM chain AS c JOIN pg_catalog.pg_type AS d ON d.oid = c.oid AND d.typtype = 'd'),
based(root, base, bent) AS (
  SELECT c.root, max(b.oid::int8) FILTER (WHERE b.typtype <> 'd'), bool_or(c.typmod >= 0 OR EXISTS (
           SELECT FROM pg_catalog.pg_cast AS f WHERE f.castsource = 'pg_catalog.text'::regtype AND f.casttarget = c.oid
              AND f.castfunc <> 0 AND c.oid <> ALL ('{{18,19,114,3802}}'::oid[])))
    FROM chain AS c JOIN pg_catalog.pg_type AS b ON b.oid = c.oid GROUP BY c.root)
SELECT t.oid::int8, format_type(t.oid, NULL), quote_ident(n.nspname) || '.' || quote_ident(t.typname), own.base,
       CASE WHEN NOT own.bent THEN 'cast' WHEN t.element = 0 AND t.typdelim = ',' THEN 'element' ELSE 'record' END,
       CASE WHEN items.bent THEN 'record' ELSE 'cast' END,
       (SELECT a.typdelim::text FROM pg_catalog.pg_type AS a JOIN pg_catalog.pg_type AS e ON e.typarray = a.oid
         WHERE a.oid = own.base),
       coalesce(items.base, 0)
  FROM wanted AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
  JOIN based AS own ON own.root = t.oid LEFT JOIN based AS items ON items.root = t.element"""
"""What is asked about the types of parameters, whose oids stand at `{}`: a row is a `ParameterType`.

A cast is not the input function where the base type of a domain has a length, nor where a cast function is defined. Left out: "char"
(18) and name (19), whose cast functions cut as their input functions do, and json (114) and jsonb (3802), which a record's column
takes for JSON, not for text.
"""

LENGTHS = compile_late(
    r"(?:national\s+)?(?:char|character)(?!\s+varying)\b|nchar\b|bit(?!\s+varying)\b|interval\s+\w", re.IGNORECASE
)
"""Types that have a length or fields though no parenthesis follows: `char` is `char(1)`."""

NUMERIC, TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ = 1700, 1083, 1266, 1114, 1184
ROUNDED = frozenset({NUMERIC, TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ})
"""Types whose input function rounds to a precision exactly as a cast does."""

BPCHAR, VARCHAR, BIT, VARBIT = 1042, 1043, 1560, 1562
CUT = frozenset({BPCHAR, VARCHAR, BIT, VARBIT, 1014, 1015, 1561, 1563})
"""The types, and arrays of them, that an explicit cast cuts or pads, whatever it casts from."""


class InputMethod(StrEnum):
    """How a type's input function is reached in SQL."""

    CAST = "cast"  # a cast from text is the input function
    ELEMENT = "element"  # as the only element of an array literal
    RECORD = "record"  # as the only column of a record, which has the type with its length


@frozen
class Conversion:
    """What a parameter is converted to."""

    cast: str  # the type as SQL
    way: InputMethod = InputMethod.CAST

    def of(self, source: str) -> str:
        """The SQL that converts `source`, an expression of type text or text[]; only `ELEMENT` writes it twice."""
        match self.way:
            case (
                InputMethod.ELEMENT
            ):  # NULL by itself: the setting array_nulls may make a text of an element that is NULL
                return f"CASE WHEN {source} IS NOT NULL THEN ((ARRAY[{source}])::text::{self.cast}[])[1] END"
            case InputMethod.RECORD:
                built = f"pg_catalog.json_build_object('v', {source})"
                row = f"(SELECT v FROM pg_catalog.json_to_record({built}) AS t(v {self.cast}))"
                return f"{row}::{self.cast}"  # the same type: ANY would take a bare SELECT for its own subquery
        return f"{source}::{self.cast}"


@frozen
class ParameterType:
    """The type of a parameter as the server describes it."""

    oid: int
    name: str  # for people: `bigint`, `public.country_code`
    cast: str  # for SQL, qualified and quoted, without a length: `pg_catalog.int8`
    base: int  # oid; of a domain, what it is a domain over
    way: InputMethod  # from text
    items: InputMethod  # from an array of text, if it is an array
    delimiter: str | None  # between the elements of an array, or of a domain over one; None for other types
    element: int  # oid; of an array, the base of its elements; 0 for other types

    @classmethod
    def of(cls, row: Sequence[object]) -> ParameterType:
        """A row of `TYPES`."""
        oid, name, cast, base, way, items, delimiter, element = row
        ways = InputMethod(str(way)), InputMethod(str(items))
        said = None if delimiter is None else str(delimiter)
        return cls(int(str(oid)), str(name), str(cast), int(str(base)), *ways, said, int(str(element)))

    def conversion(self, declared: str | None, *, is_list: bool) -> Conversion:
        """How text becomes this type, or the `declared` one, which may have a length: a list's text is an array of text."""
        found = self.items if is_list else self.way
        if declared is None:
            return Conversion(self.cast, found)
        return Conversion(declared, InputMethod.RECORD if has_length(declared) and self.oid not in ROUNDED else found)

    @property
    def from_json(self) -> Callable[[object], object] | None:
        """What makes an array literal of a JSON array; None if this type is not an array."""
        return None if self.delimiter is None else partial(array_of_json, delimiter=self.delimiter)

    def cuts(self, declared: str) -> bool:
        """Whether a cast to the `declared` type cuts a value that is of this type already, but longer."""
        return self.oid in CUT and has_length(declared)


def has_length(declared: str) -> bool:
    """Whether a type as a user writes it has a length, a precision or fields."""
    return "(" in declared or LENGTHS.match(declared.strip()) is not None

"""Find the integers in composite types, and in arrays and ranges of a user's own types. asyncpg cuts a fraction for one: 2.9 becomes 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from asyncpg import Range

from bulkq.drivers.asyncpg.pg_types import INTEGER_ARRAYS, INTEGERS
from bulkq.drivers.asyncpg.statement import has_fraction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession

INSIDE = """\
WITH RECURSIVE inside(oid) AS (
  SELECT unnest($1::oid[])
  UNION
  SELECT unnest(b.types) FROM inside AS i JOIN pg_catalog.pg_type AS t ON t.oid = i.oid CROSS JOIN LATERAL ({below}) AS b(kind, types))
SELECT t.oid::int8, b.kind, b.types::int8[]
  FROM inside AS i JOIN pg_catalog.pg_type AS t ON t.oid = i.oid CROSS JOIN LATERAL ({below}) AS b(kind, types)
 WHERE b.types <> '{{}}'""".format(
    below="""
    SELECT CASE WHEN t.typtype = 'c' THEN 'fields' WHEN t.typtype = 'd' THEN 'domain' ELSE 'items' END,
           CASE WHEN t.typtype = 'c' THEN ARRAY(
                    SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
                     WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
                WHEN t.typtype = 'd' THEN ARRAY[t.typbasetype]
                WHEN EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.typarray = t.oid) THEN ARRAY[t.typelem]
                ELSE ARRAY(SELECT r.rngsubtype FROM pg_catalog.pg_range AS r
                            WHERE t.oid IN (r.rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid)) END"""
)
"""Rows of a type, what it has, and the types of that. PostgreSQL 13 has no multiranges, and no column for them."""


class IntegerFields(NamedTuple):
    """Where a type has integers: it is one, each of its items has some, or some of its fields.

    `items` and `fields` are both empty for an integer.
    """

    items: tuple[IntegerFields, ...] = ()  # one
    fields: tuple[IntegerFields | None, ...] = ()

    def cuts(self, value: Any) -> bool:
        """Whether a value, or one in it, would lose its fraction. asyncpg takes tuples in a list for records, and lists for arrays."""
        if value is None or isinstance(value, str | bytes):
            return False
        if isinstance(value, Range):
            return any(map(self.cuts, (value.lower, value.upper)))
        if self.fields:
            pairs = zip(self.fields, value, strict=False) if hasattr(value, "__iter__") else ()
            return any(field is not None and field.cuts(one) for field, one in pairs)
        if not self.items:
            return has_fraction(value)
        if isinstance(value, list):
            return any(map(self.cuts, value))
        return self.items[0].cuts(value)

    def cuts_argument(self, value: Any) -> bool:
        """`cuts` for a whole argument: a tuple for an array is one, too."""
        return self.cuts(list(value) if self.items and isinstance(value, tuple) else value)


async def find_integer_fields(session: AsyncpgSession, oids: Sequence[int]) -> dict[int, IntegerFields]:
    """Return, for those of the types `oids` that have integers in them, where."""
    rows = await session.fetch(INSIDE, oids)
    below = {int(oid): (str(kind), tuple(types)) for oid, kind, types in rows}
    found = {oid: _fields_of(oid, below) for oid in oids}
    return {oid: fields for oid, fields in found.items() if fields is not None}


def _fields_of(oid: int, below: Mapping[int, tuple[str, tuple[int, ...]]]) -> IntegerFields | None:
    if oid in INTEGERS | INTEGER_ARRAYS:
        return IntegerFields()
    kind, types = below.get(oid, ("", ()))
    found = tuple(_fields_of(one, below) for one in types)
    if not any(one is not None for one in found):
        return None
    if kind == "fields":
        return IntegerFields(fields=found)
    only = next(one for one in found if one is not None)
    return only if kind == "domain" else IntegerFields(items=(only,))

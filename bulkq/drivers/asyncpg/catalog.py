"""What the server's catalog says about types and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.postgresql import identifier
from bulkq.drivers.asyncpg.pg_types import PgType
from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.query import name_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession

TYPES = """\
WITH RECURSIVE element(asked, oid, base) AS (
  SELECT e.typarray, e.oid, CASE e.typtype WHEN 'd' THEN e.typbasetype ELSE 0::oid END
    FROM pg_catalog.pg_type AS e WHERE e.typarray = ANY({0}::oid[]) AND e.typarray <> 0
  UNION ALL
  SELECT element.asked, b.oid, CASE b.typtype WHEN 'd' THEN b.typbasetype ELSE 0::oid END
    FROM element JOIN pg_catalog.pg_type AS b ON b.oid = element.base)
SELECT t.oid::int8, format_type(t.oid, NULL), format('%I.%I', n.nspname, t.typname), coalesce(e.oid, 0)::int8,
       t.typdelim::text, EXISTS (SELECT FROM pg_catalog.pg_cast AS c JOIN element AS d ON d.oid = c.castsource
                                  WHERE d.asked = t.oid AND c.casttarget = 'pg_catalog.text'::regtype AND c.castmethod <> 'i')
  FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
       LEFT JOIN element AS e ON e.asked = t.oid AND e.base = 0
 WHERE t.oid = ANY({0}::oid[])"""
"""What is asked about the types whose oids stand at `{0}`. The element of an array of a domain is the domain's base type."""

NAMED = """\
SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = $1::text)
    OR EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attname = $1::text AND NOT attisdropped)
    OR EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1::text)
    OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = $1::text)
    OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typname = $1::text)
    OR EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1::text)
    OR EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1::text)"""

QUALIFIED = """\
SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = $1::text AND c.relname = $2::text)
    OR EXISTS (SELECT FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
                WHERE n.nspname = $1::text AND p.proname = $2::text)
    OR EXISTS (SELECT FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
                WHERE n.nspname = $1::text AND t.typname = $2::text)
    OR EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
                WHERE c.relname = $1::text AND a.attname = $2::text AND NOT a.attisdropped)"""


async def read_types(session: AsyncpgSession, wanted: Iterable[int], known: dict[int, PgType]) -> None:
    """Put the types with the oids `wanted` into `known`: one round trip, or none."""
    missing = sorted(set(wanted) - known.keys())
    if missing:
        for row in await session.fetch(TYPES.format("$1"), missing):
            known[row[0]] = PgType(*row)


async def quote_identifiers(session: AsyncpgSession, names: Mapping[str, str]) -> dict[str, str]:
    """The values of `:{name}` placeholders as quoted SQL names, `schema.table` in two parts.

    Raises:
        DatabaseError: the catalog has no such name.
    """
    return {parameter: await _quoted(session, parameter, value) for parameter, value in names.items()}


async def _quoted(session: AsyncpgSession, parameter: str, value: str) -> str:
    if value and "\0" not in value:
        if await session.fetchval(NAMED, value):
            return identifier(value)
        for dot in (i for i, c in enumerate(value) if c == "."):
            left, right = value[:dot], value[dot + 1 :]
            if await session.fetchval(QUALIFIED, left, right):
                return f"{identifier(left)}.{identifier(right)}"
        match name_parts(value, '"'):
            case (name,) if await session.fetchval(NAMED, name):
                return identifier(name)
            case (left, right) if await session.fetchval(QUALIFIED, left, right):
                return f"{identifier(left)}.{identifier(right)}"
    message = (
        f':{{{parameter}}}: the database has no table, column or schema "{value}": write it as the catalog spells it'
    )
    raise DatabaseError(message, sqlstate="42P01", phase=Phase.PREPARING)

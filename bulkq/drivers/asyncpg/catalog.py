"""What the server's catalog says about types and names. Called by `describing` and `driver`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulkq.drivers.asyncpg.wrapping import identifier
from bulkq.errors import DatabaseError
from bulkq.model import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkq.drivers.asyncpg.session import Session

TYPES = """\
SELECT t.oid::int8, format_type(t.oid, NULL), format('%I.%I', n.nspname, t.typname),
       coalesce((SELECT e.oid::int8 FROM pg_catalog.pg_type AS e WHERE e.typarray = t.oid), 0),
       t.typtype = 'p' OR EXISTS (SELECT FROM pg_catalog.pg_cast AS c WHERE c.castsource = t.oid
                                  AND c.casttarget = 'pg_catalog.text'::regtype AND c.castmethod <> 'i')
  FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
 WHERE t.oid = ANY($1::oid[])"""

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


@dataclass(frozen=True, slots=True)
class Type:
    """A type as the server describes it."""

    oid: int
    name: str  # for people: `bigint`, `timestamp with time zone`, `public.mood`
    cast: str  # for SQL, qualified and quoted: `pg_catalog.int8`
    element: int  # oid of an array's elements; 0 for everything else
    own_text: bool  # `::text` is not its output function


async def types(session: Session, wanted: Iterable[int], known: dict[int, Type]) -> None:
    """Put the types with the oids `wanted` into `known`: one round trip, or none."""
    missing = sorted(set(wanted) - known.keys())
    if missing:
        for row in await session.fetch(TYPES, missing):
            known[row[0]] = Type(*row)


async def identifiers(session: Session, names: Mapping[str, str]) -> dict[str, str]:
    """The values of `:{name}` placeholders as quoted SQL names, `schema.table` in two parts.

    Raises:
        DatabaseError: the catalog has no such name.
    """
    return {parameter: await _quoted(session, parameter, value) for parameter, value in names.items()}


async def _quoted(session: Session, parameter: str, value: str) -> str:
    if value and "\0" not in value:
        if await session.fetchval(NAMED, value):
            return identifier(value)
        for dot in (i for i, c in enumerate(value) if c == "."):
            left, right = value[:dot], value[dot + 1 :]
            if await session.fetchval(QUALIFIED, left, right):
                return f"{identifier(left)}.{identifier(right)}"
    message = (
        f':{{{parameter}}}: the database has no table, column or schema "{value}": write it as the catalog spells it'
    )
    raise DatabaseError(message, sqlstate="42P01", phase=Phase.PREPARING)

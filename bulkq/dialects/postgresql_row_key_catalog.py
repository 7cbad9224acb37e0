"""The queries that read from PostgreSQL's catalog how key columns compare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bulkq.dialects.parameter_equality import (
    anything,
    binaries,
    booleans,
    dates,
    doubles,
    folded,
    instants,
    integers,
    moments,
    numbers,
    padded,
    texts,
    uuids,
    whole,
)
from bulkq.dialects.row_key_catalog import CatalogColumn, CatalogTable, RowKeyCatalog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.dialects.row_key_catalog import Keys, ParameterUse, Rows

QUERY = """\
SELECT json_build_object(
    'rewritten', EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgtype & 7 = 7),
    'columns', (
        SELECT json_agg(json_build_array(
            a.attname,
            CASE WHEN coalesce(b.typtype, t.typtype) = 'e' THEN 'enum' WHEN coalesce(b.typname, t.typname) = 'citext' THEN 'citext'
                 ELSE format_type(coalesce(b.oid, t.oid), NULL) END,
            format_type(t.oid, NULL),
            greatest(a.atttypmod, t.typtypmod, 0),
            CASE WHEN to_jsonb(k) ->> 'collisdeterministic' = 'false' THEN k.collname ELSE '' END,
            coalesce(to_jsonb(a) ->> 'attgenerated', '') <> '',
            d.oid IS NULL OR a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) ~ '^(nextval|gen_random_uuid|uuid_generate_v|uuidv)'
        ) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
          LEFT JOIN pg_catalog.pg_type AS b ON t.typtype = 'd' AND b.oid = t.typbasetype
          LEFT JOIN pg_catalog.pg_collation AS k ON k.oid = a.attcollation
          LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'unique', (
        SELECT json_agg(
            CASE WHEN i.indisunique AND i.indexprs IS NULL AND coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') = 'false' THEN (
                SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) END)
          FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)))::text
  FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass({name})::oid AND c.relkind IN ('r', 'p') AND NOT c.relhasrules"""
"""What a table has that bears on which rows are equal; no row where it is a view or has rules."""

WORDS = frozenset({"text", "character varying", "character"})
NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric"})
KEYS: Mapping[str, Keys] = {
    "smallint": integers,
    "integer": integers,
    "bigint": integers,
    "oid": integers,
    "numeric": numbers,
    "double precision": doubles,
    "text": texts,
    "character varying": padded,
    "character": padded,
    "citext": folded,
    "enum": texts,
    "uuid": uuids,
    "boolean": booleans,
    "date": dates,
    "timestamp without time zone": moments,
    "timestamp with time zone": instants,
    "bytea": binaries,
}
"""Types, by the name that `format_type` gives them -> how their values are compared."""

ROUNDED = frozenset({"numeric", "timestamp without time zone", "timestamp with time zone"})
"""Types whose values an assignment may round to the column's precision."""


def read_table(answers: Sequence[Rows]) -> CatalogTable:
    """The table that the answer to `QUERY` describes."""
    facts: dict[str, Any] = json.loads(str(answers[0][0][0]))
    columns = {name: CatalogColumn(name, *rest) for name, *rest in facts["columns"] or ()}
    unique = tuple(index and tuple(index) for index in facts["unique"] or ())
    return CatalogTable(columns, unique, rewritten=facts["rewritten"])


def keys_of(column: CatalogColumn, use: ParameterUse) -> Keys:
    """How the values of a parameter compare that names a row by `column`."""
    declared, found = use.declared, use.type
    free = not use.cast and declared is None
    kind = column.type if found in {"", column.type, column.declared} and (free or found != column.declared) else found
    if kind != column.type and not _akin(kind, column.type):
        return anything
    if not free and (kind == "character" or found == "" or "(" in (declared or "")):
        return anything  # an explicit cast cuts
    if use.inserts and column.length and column.type in ROUNDED:
        return whole if column.type == "numeric" and not column.length - 4 & 0x400 else anything
    if column.collation and kind in WORDS:
        return anything
    return KEYS.get(kind, anything)


def _akin(one: str, other: str) -> bool:
    """Whether values of both types are compared without losing a difference."""
    return {one, other} <= NUMBERS or {one, other} <= WORDS or (one in WORDS and other == "citext")


CATALOG = RowKeyCatalog((QUERY,), read_table, keys_of)

"""Indexes of PostgreSQL that need attention: what a rebuild has left behind, invalid ones, and duplicates.

A leftover of REINDEX CONCURRENTLY is found by its name and by its definition. A plain REINDEX TABLE makes a leftover valid, so
`indisvalid` alone does not show it. An index that another session builds at the moment is locked by that session, and is not one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.maintenance_catalog import Leftover
from bulkq.dialects.postgresql_maintenance_rights import (
    MAY_DROP_INDEX,
    advise_grant_to_drop,
    grantable_owner,
    quoted_name,
)
from bulkq.model.maintenance import MaintainedObject, ObjectFacts

if TYPE_CHECKING:
    from bulkq.dialects.maintenance_catalog import ServerFacts
    from bulkq.dialects.row_key_catalog import Rows

_SAME = """\
o.indrelid = i.indrelid AND o.indexrelid <> i.indexrelid AND o.indkey = i.indkey AND o.indclass = i.indclass
               AND o.indcollation = i.indcollation AND o.indoption = i.indoption AND o.indisunique = i.indisunique
               AND coalesce(pg_get_expr(o.indexprs, o.indrelid), '') = coalesce(pg_get_expr(i.indexprs, i.indrelid), '')
               AND coalesce(pg_get_expr(o.indpred, o.indrelid), '') = coalesce(pg_get_expr(i.indpred, i.indrelid), '')"""
"""Two indexes of one table with one definition."""

_CONSTRAINT = "EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = {})"
_NAMED = "c.relname ~ '_cc(new|old)[0-9]*$'"

_FROM = f"""\
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS r ON r.oid = i.indrelid
  LEFT JOIN pg_catalog.pg_class AS m ON m.reltoastrelid = r.oid AND r.relkind = 't'
  JOIN pg_catalog.pg_class AS t ON t.oid = coalesce(m.oid, r.oid)
  JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace
  LEFT JOIN LATERAL (
        SELECT format('%I.%I', n.nspname, w.relname) AS name
          FROM pg_catalog.pg_index AS o JOIN pg_catalog.pg_class AS w ON w.oid = o.indexrelid
         WHERE {_SAME} AND w.relam = c.relam AND o.indisvalid AND w.relname !~ '_cc(new|old)[0-9]*$'
         ORDER BY {_CONSTRAINT.format("o.indexrelid")} DESC, o.indexrelid LIMIT 1) AS twin ON true
 WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND s.nspname NOT IN ('pg_catalog', 'information_schema')
   AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_locks AS l
         WHERE l.relation = c.oid AND l.mode IN ('ShareUpdateExclusiveLock', 'AccessExclusiveLock') AND l.pid <> pg_backend_pid())"""

_LEFT = f"{_NAMED} AND NOT {_CONSTRAINT.format('c.oid')} AND (NOT i.indisvalid OR twin.name IS NOT NULL)"

PARENTS = """\
CASE WHEN t.relispartition THEN ARRAY(
           SELECT q.nspname || '.' || p.relname FROM pg_catalog.pg_partition_ancestors(t.oid) AS above (relation)
             JOIN pg_catalog.pg_class AS p ON p.oid = above.relation AND p.oid <> t.oid
             JOIN pg_catalog.pg_namespace AS q ON q.oid = p.relnamespace)::text[] END"""
"""The partitioned tables above the table `t`."""

LEFTOVERS = f"""\
SELECT n.nspname::text, c.relname::text, s.nspname || '.' || t.relname, c.relname ~ '_ccold[0-9]*$', {MAY_DROP_INDEX},
       {grantable_owner("c.relowner")}, {_LEFT}, {PARENTS}
{_FROM}
   AND ({_NAMED} OR NOT i.indisvalid) AND ({_LEFT} OR NOT i.indisvalid AND r.relkind <> 't')
   AND ({{table}} IS NULL OR s.nspname || '.' || t.relname = {{table}})
 ORDER BY 1, 2"""
"""With the invalid indexes that are not leftovers. The first condition, on names, saves looking for a twin of every index."""

LEFTOVER, INVALID, DUPLICATE = "leftover", "invalid index", "duplicate index"
"""Kinds of the findings of `indexes`."""

_FINDING = f"""\
CASE WHEN {_LEFT} THEN '{LEFTOVER}' WHEN NOT i.indisvalid THEN '{INVALID}' ELSE '{DUPLICATE}' END"""


def findings_query(*, maintain: bool) -> str:
    """The query for what is found in all tables; `maintain`: the server has the right MAINTAIN, with which an index may be rebuilt.

    Of two equal indexes, the one that no constraint needs is named, or the later one by its name.
    """
    may = MAY_DROP_INDEX
    if maintain:
        rebuilt = f"NOT ({_LEFT}) AND NOT i.indisvalid"
        may = f"CASE WHEN {rebuilt} THEN has_table_privilege(t.oid, 'MAINTAIN') ELSE {MAY_DROP_INDEX} END"
    return f"""\
SELECT {_FINDING}, n.nspname::text, c.relname::text, s.nspname || '.' || t.relname, false,
       (c.relpages * current_setting('block_size')::float8)::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8,
       NULL::float8, NULL::float8, NULL::float8, NULL::float8,
       {may}, {grantable_owner("c.relowner")},
       CASE WHEN {_LEFT} THEN c.oid::text ELSE c.oid::text || '/' || i.indisvalid::text END, NULL::int, true,
       {PARENTS}, NULL::text[], twin.name
{_FROM}
   AND ({_LEFT} OR NOT i.indisvalid AND r.relkind <> 't'
        OR i.indisvalid AND twin.name IS NOT NULL AND NOT {_CONSTRAINT.format("c.oid")} AND NOT i.indisreplident AND NOT i.indisclustered
           AND (twin.name < format('%I.%I', n.nspname, c.relname)
                OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = to_regclass(twin.name))))
 ORDER BY 2, 3"""


def drop_statement(schema: str, name: str) -> str:
    """The statement that removes an index without blocking others."""
    return f"DROP INDEX CONCURRENTLY {quoted_name(schema, name)}"


def read_leftovers(rows: Rows, server: ServerFacts) -> tuple[Leftover, ...]:
    """The leftovers that the answer to `LEFTOVERS` describes."""
    found: list[Leftover] = []
    for schema, name, table, old, may, owner, left, _ in rows:
        if not left:
            continue
        found.append(
            Leftover(
                str(schema),
                str(name),
                str(table),
                bool(old),
                drop_statement(str(schema), str(name)),
                "" if may else advise_grant_to_drop(str(schema), str(owner), server),
                "the old index of a rebuild that was done" if old else "the new index of a rebuild that was not done",
            )
        )
    return tuple(found)


def read_invalid(rows: Rows) -> tuple[ObjectFacts, ...]:
    """The invalid indexes in the answer to `LEFTOVERS` that no rebuild has left behind."""
    return tuple(
        ObjectFacts(
            MaintainedObject(INVALID, str(schema), str(name), str(table)),
            parents=tuple(map(str, parents)) if isinstance(parents, list | tuple) else (),
        )
        for schema, name, table, _, _, _, left, parents in rows
        if not left
    )

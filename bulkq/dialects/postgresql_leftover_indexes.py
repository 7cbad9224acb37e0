"""Indexes of PostgreSQL that need attention: what a rebuild has left behind, invalid ones, and duplicates.

A leftover of REINDEX CONCURRENTLY is found by its name and by its definition. A plain REINDEX TABLE makes a leftover valid, so
`indisvalid` alone does not show it. An index that another session builds at the moment is not one: that session has locked it, or, while
CREATE INDEX CONCURRENTLY waits for others, its table alone. Who builds an index is shown to every role, of which table is not.
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

_ENFORCES = "{0}.indimmediate, to_jsonb({0}) ->> 'indnullsnotdistinct'"
"""What two unique indexes with one definition may enforce in another way. The copy of a rebuild has it only at the end."""

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
        SELECT format('%I.%I', n.nspname, w.relname) AS name, w.relispartition AS attached
          FROM pg_catalog.pg_index AS o JOIN pg_catalog.pg_class AS w ON w.oid = o.indexrelid
         WHERE {_SAME} AND w.relam = c.relam AND o.indisvalid AND w.relname !~ '_cc(new|old)[0-9]*$'
           AND ({_NAMED} OR ({_ENFORCES.format("o")}) IS NOT DISTINCT FROM ({_ENFORCES.format("i")}))
         ORDER BY {_CONSTRAINT.format("o.indexrelid")} DESC, w.relispartition DESC, w.relname LIMIT 1) AS twin ON true
 WHERE c.relkind IN ('i', 'I') AND c.relpersistence <> 't' AND s.nspname NOT IN ('pg_catalog', 'information_schema')
   AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_locks AS l
         WHERE l.relation = c.oid AND l.mode IN ('ShareUpdateExclusiveLock', 'AccessExclusiveLock') AND l.pid <> pg_backend_pid()
            OR l.relation IN (r.oid, t.oid) AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid IN (
               SELECT b.pid FROM pg_catalog.pg_stat_progress_create_index AS b WHERE b.pid <> pg_backend_pid()))"""

_LEFT = f"c.relkind = 'i' AND {_NAMED} AND NOT {_CONSTRAINT.format('c.oid')} AND (NOT i.indisvalid OR twin.name IS NOT NULL)"

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
   AND c.relkind = 'i' AND ({_NAMED} OR NOT i.indisvalid) AND ({_LEFT} OR NOT i.indisvalid AND r.relkind <> 't')
   AND ({{table}} IS NULL OR s.nspname || '.' || t.relname = {{table}})
 ORDER BY 1, 2"""
"""With the invalid indexes that are not leftovers. The first condition, on names, saves looking for a twin of every index."""

LEFTOVER, INVALID, DUPLICATE = "leftover", "invalid index", "duplicate index"
"""Kinds of the findings of `indexes`."""

INCOMPLETE, DUPLICATE_IN_PARTITIONS = "incomplete partitioned index", "duplicate partitioned index"
"""Kinds of indexes of partitioned tables. Those of partitions belong to them and cannot be dropped by themselves."""

_FINDING = f"""\
CASE WHEN {_LEFT} THEN '{LEFTOVER}' WHEN NOT i.indisvalid AND c.relkind = 'I' THEN '{INCOMPLETE}' WHEN NOT i.indisvalid THEN '{INVALID}'
            WHEN c.relkind = 'I' THEN '{DUPLICATE_IN_PARTITIONS}' ELSE '{DUPLICATE}' END"""

_PAGES = """\
CASE c.relkind WHEN 'i' THEN c.relpages
            ELSE (SELECT sum(x.relpages) FROM pg_partition_tree(c.oid) AS p JOIN pg_catalog.pg_class AS x ON x.oid = p.relid) END"""

_WITHOUT = """\
(SELECT array_to_string((array_agg(h.inhrelid::regclass::text ORDER BY h.inhrelid))[:5], ', ')
                || CASE WHEN count(*) > 5 THEN ' and ' || count(*) - 5 || ' more' ELSE '' END FROM pg_catalog.pg_inherits AS h
         WHERE h.inhparent = i.indrelid AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_inherits AS g JOIN pg_catalog.pg_index AS x ON x.indexrelid = g.inhrelid
                WHERE g.inhparent = c.oid AND x.indrelid = h.inhrelid AND x.indisvalid))"""
"""The first partitions that have no valid index of the partitioned index `c`; "" or NULL if all have."""


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
       ({_PAGES} * current_setting('block_size')::float8)::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8,
       NULL::float8, NULL::float8, NULL::float8, NULL::float8,
       {may}, {grantable_owner("c.relowner")},
       CASE WHEN {_LEFT} THEN c.oid::text ELSE c.oid::text || '/' || i.indisvalid::text END, NULL::int, true,
       {PARENTS}, NULL::text[], CASE WHEN i.indisvalid OR c.relkind = 'i' THEN twin.name ELSE {_WITHOUT} END
{_FROM}
   AND ({_LEFT} OR NOT i.indisvalid AND r.relkind <> 't'
        OR i.indisvalid AND twin.name IS NOT NULL AND NOT {_CONSTRAINT.format("c.oid")} AND NOT i.indisreplident AND NOT i.indisclustered
           AND NOT c.relispartition AND (twin.attached OR twin.name < format('%I.%I', n.nspname, c.relname)
                OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = to_regclass(twin.name))))
 ORDER BY 2, 3"""


def drop_statement(schema: str, name: str, kind: str = LEFTOVER) -> str:
    """The statement that removes an index, without blocking others if that is possible."""
    return f"DROP INDEX {'' if kind == DUPLICATE_IN_PARTITIONS else 'CONCURRENTLY '}{quoted_name(schema, name)}"


def advise_to_complete(wanted: MaintainedObject, without: str) -> str:
    """What makes an index of a partitioned table valid. `without`: partitions that have none, or no valid one; "" if all have."""
    attach = f"ALTER INDEX {quoted_name(wanted.schema, wanted.name)} ATTACH PARTITION"
    if not without:
        return f"its partitions have valid indexes, but it is not valid: run {attach} for one of them again"
    return f"not valid, for {without} have no valid index of it: create one on each, and run {attach} with its name"


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

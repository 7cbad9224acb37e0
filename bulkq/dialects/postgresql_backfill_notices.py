"""What PostgreSQL's catalog says about the surroundings of a table: triggers, rules, foreign keys, partitions, replicas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bulkq.text.message_parts import counted, first_names, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.dialects.row_key_catalog import Rows

BELOW = """\
SELECT p.relid AS oid, p.isleaf FROM pg_partition_tree(c.oid) AS p WHERE c.relkind = 'p' UNION SELECT c.oid, c.relkind <> 'p'"""
"""The table and all its partitions."""

PARTITIONS = """\
WITH RECURSIVE h AS (
            SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits AS i
             WHERE i.inhparent = c.oid AND to_jsonb(i) ->> 'inhdetachpending' IS DISTINCT FROM 'true'
            UNION SELECT i.inhrelid FROM h JOIN pg_catalog.pg_inherits AS i ON i.inhparent = h.oid
             WHERE to_jsonb(i) ->> 'inhdetachpending' IS DISTINCT FROM 'true')
        SELECT h.oid FROM h"""
"""All partitions, and tables that inherit. `pg_partition_tree` waits for those that another session has locked."""

TRIGGERS = f"""\
SELECT json_agg(DISTINCT jsonb_build_array(g.tgname, g.tgtype))
          FROM pg_catalog.pg_trigger AS g JOIN ({BELOW}) AS p ON p.oid = g.tgrelid AND (g.tgrelid = c.oid OR g.tgtype & 1 = 1)
         WHERE NOT g.tgisinternal AND g.tgtype & 24 <> 0
           AND g.tgenabled IN ('A', CASE WHEN current_setting('session_replication_role') = 'replica' THEN 'R' ELSE 'O' END)"""

REFERENCES = """\
SELECT json_agg(json_build_object(
            'name', k.conname, 'table', k.conrelid::regclass::text, 'delete', k.confdeltype, 'update', k.confupdtype,
            'indexed', EXISTS (
                SELECT FROM pg_catalog.pg_index AS x
                 WHERE x.indrelid = k.conrelid AND x.indisvalid AND x.indpred IS NULL AND x.indkey[0] = ANY (k.conkey)),
            'columns', (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))
        ) ORDER BY k.conname)
          FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f' AND k.confrelid = c.oid AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint AS u WHERE u.oid = k.conparentid AND u.confrelid = c.oid)"""

WITHOUT_IDENTITY = f"""\
SELECT count(*) FROM ({BELOW}) AS p JOIN pg_catalog.pg_class AS f ON f.oid = p.oid
         WHERE p.isleaf AND (f.relreplident = 'n'
            OR (f.relreplident = 'd' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_index AS x WHERE x.indrelid = f.oid AND x.indisprimary AND x.indimmediate))
            OR (f.relreplident = 'i' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_index AS x WHERE x.indrelid = f.oid AND x.indisreplident)))"""

PUBLICATIONS = f"""\
SELECT json_agg(DISTINCT u.pubname) FROM pg_catalog.pg_publication AS u JOIN pg_catalog.pg_publication_tables AS t ON t.pubname = u.pubname
          JOIN (SELECT q.oid FROM ({BELOW}) AS q UNION SELECT relid FROM pg_partition_ancestors(c.oid)) AS p
            ON p.oid = to_regclass(format('%I.%I', t.schemaname, t.tablename))::oid
         WHERE u.pubupdate OR u.pubdelete"""

NOTICES = f"""\
SELECT json_build_object(
    'unlogged', c.relpersistence = 'u',
    'partition_of', (SELECT i.inhparent::regclass::text FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid AND c.relispartition),
    'partitioned', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
    'partitions', (SELECT count(*) FROM ({BELOW}) AS p WHERE p.isleaf),
    'children', (SELECT json_agg(i.inhrelid::regclass::text ORDER BY i.inhrelid) FROM pg_catalog.pg_inherits AS i
                  WHERE i.inhparent = c.oid AND c.relkind = 'r'),
    'triggers', ({TRIGGERS}),
    'rules', (SELECT json_agg(json_build_array(r.rulename, r.ev_type, r.is_instead) ORDER BY r.rulename)
                FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '4') AND r.ev_enabled <> 'D'),
    'references', ({REFERENCES}),
    'generated', (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a
                   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = 's'),
    'logical', current_setting('wal_level') = 'logical',
    'full', (SELECT count(*) FROM ({BELOW}) AS p JOIN pg_catalog.pg_class AS f ON f.oid = p.oid WHERE p.isleaf AND f.relreplident = 'f'),
    'without_identity', ({WITHOUT_IDENTITY}),
    'publications', ({PUBLICATIONS})
)::text
  FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass({{over}})::oid"""

ACTING = f"""\
SELECT v.*
  FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL (
    SELECT '', '', 'oid ' || c.oid
    UNION ALL
    SELECT 'column', a.attname::text, concat_ws(' ', a.atttypid::regtype, 'COLLATE ' || nullif(a.attcollation, 0)::regcollation,
                                                'version ' || pg_collation_actual_version(nullif(a.attcollation, 0)))
      FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'trigger', g.tgname::text, string_agg(DISTINCT concat_ws(' ', g.tgtype, g.tgenabled, g.tgattr, g.tgargs,
               CASE WHEN g.tgqual IS NOT NULL THEN substring(pg_get_triggerdef(g.oid) FROM ' WHEN (.*) EXECUTE ') END,
               g.tgfoid::regprocedure, f.prosrc), ' ')
      FROM (SELECT c.oid UNION SELECT p.oid FROM ({PARTITIONS}) AS p WHERE c.relkind = 'p') AS p
      JOIN pg_catalog.pg_trigger AS g ON g.tgrelid = p.oid JOIN pg_catalog.pg_proc AS f ON f.oid = g.tgfoid
     WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' GROUP BY g.tgname
    UNION ALL
    SELECT 'rule', r.rulename::text, pg_get_ruledef(r.oid)
      FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_enabled <> 'D'
    UNION ALL
    SELECT 'foreign key', k.conname::text, k.conrelid::regclass || ' ' || pg_get_constraintdef(k.oid)
      FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conparentid = 0
  ) AS v WHERE c.oid = to_regclass({{over}})::oid ORDER BY 1, 2, 3"""
"""What acts when a row is changed, with its definition and the body of its function.

`pg_get_expr` does not show a condition of a trigger that names OLD and NEW: "expression contains variables of more than one relation"."""

SERVERS = """\
SELECT 'replica', coalesce(nullif(r.application_name, ''), r.pid::text), coalesce(r.sync_state, ''), NULL::bool,
       pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)), extract(epoch FROM r.replay_lag)::float8
  FROM pg_catalog.pg_stat_replication AS r
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
UNION ALL
SELECT 'slot', s.slot_name, s.slot_type, s.active, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)), NULL
  FROM pg_catalog.pg_replication_slots AS s WHERE NOT s.temporary
 ORDER BY 1, 2"""
"""Replicas and slots with what they lag behind; the numbers are NULL for a role without the right to see them."""

ROW, BEFORE, DELETE, UPDATE = 1, 2, 8, 16
"""Bits of `pg_trigger.tgtype`."""

ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
"""What a foreign key does to the rows that refer to a changed one; others refuse the change."""

REFERRED = "and each UPDATE of the columns it refers to"

RULES = {"2": "UPDATE", "4": "DELETE"}


def read_notices(rows: Rows) -> tuple[str, ...]:
    """The notices of the answer to `QUERY`, the most important first."""
    facts: dict[str, Any] = json.loads(str(rows[0][0]))
    return (
        *_rules(facts),
        *_triggers(facts),
        *_references(facts),
        *_kinds(facts),
        *_replication(facts),
    )


def read_servers(rows: Rows) -> tuple[str, ...]:
    """The notices of the answer to `SERVERS`."""
    return tuple(_server(*row) for row in rows)


def _rules(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, event, instead in facts["rules"] or ():
        effect = "replaces it, so the number of changed rows is that of the rule" if instead else "does more than it"
        yield f"rule {quoted(name)} for {RULES[event]} {effect}"


def _triggers(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, bits in facts["triggers"] or ():
        events = " OR ".join(word for bit, word in ((UPDATE, "UPDATE"), (DELETE, "DELETE")) if bits & bit)
        when = f"{'BEFORE' if bits & BEFORE else 'AFTER'} {events} for each {'row' if bits & ROW else 'statement'}"
        silent = ": it may keep rows as they are without an error" if bits & ROW and bits & BEFORE else ""
        yield f"trigger {quoted(name)} is called {when}{silent}"


def _references(facts: Mapping[str, Any]) -> Iterator[str]:
    for key in facts["references"] or ():
        actions = [
            f"ON {event.upper()} {ACTIONS[key[event]]}" for event in ("delete", "update") if key[event] in ACTIONS
        ]
        slow = (
            ""
            if key["indexed"]
            else f"; no index of it begins with {key['columns']}, so each DELETE, {REFERRED}, reads the whole table"
        )
        yield f"{key['table']} refers to it by {quoted(key['name'])}{''.join(f' {action}' for action in actions)}{slow}"


def _kinds(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["partitioned"]:
        yield f"partitioned by {facts['partitioned']} into {counted(facts['partitions'], 'partition')}"
    if facts["partition_of"]:
        yield f"a partition of {facts['partition_of']}: an UPDATE that would move a row to another partition fails"
    if facts["children"]:
        inherit = "inherits" if len(facts["children"]) == 1 else "inherit"
        yield f"{first_names(facts['children'], 3)} {inherit} from it, so those rows are changed too, and keys may occur once in each"
    if facts["unlogged"]:
        yield "an unlogged table: it is empty after a crash of the server, and replicas do not have it"
    if facts["generated"]:
        yield f"each UPDATE computes the generated {first_names(facts['generated'], 3)} again"


def _replication(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["publications"] and facts["without_identity"]:
        yield (
            f"published by {first_names(facts['publications'], 3)}, but without a replica identity, so the server refuses UPDATE and "
            "DELETE: ALTER TABLE ... REPLICA IDENTITY"
        )
    elif facts["publications"]:
        yield f"published by {first_names(facts['publications'], 3)}: every change is sent to the subscribers"
    if facts["logical"] and facts["full"]:
        yield "REPLICA IDENTITY FULL: each UPDATE and DELETE writes the whole old row to the WAL"


def _server(kind: object, name: object, state: object, active: object, size: object, lag_s: object) -> str:
    behind = f"{size} behind" if size is not None else "behind by an unknown size"
    if kind == "replica":
        late = f", {float(str(lag_s)):.1f}s" if lag_s is not None else ""
        return f"replica {quoted(name)}{f' ({state})' if state else ''} is {behind}{late}"
    if size is None:  # without a position, because it was never read, or invalidated because it was too far behind
        return f"{state} replication slot {quoted(name)} keeps no WAL: nothing has read it yet, or the server has given it up"
    idle = "" if active else ": nothing reads it, so the server keeps the WAL of the whole backfill"
    return f"{state} replication slot {quoted(name)} is {behind}{idle}"

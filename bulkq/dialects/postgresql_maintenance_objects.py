"""The queries for PostgreSQL's objects of maintenance: partitions and not their parents, indexes one by one, with what is known of each.

A size takes a lock that waits for ACCESS EXCLUSIVE, so it is estimated where another session holds or wants that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.maintenance_catalog import SizeForm
from bulkq.dialects.postgresql_leftover_indexes import PARENTS, findings_query
from bulkq.dialects.postgresql_maintenance_rights import MAINTAIN, grantable_owner, may_maintain

if TYPE_CHECKING:
    from bulkq.dialects.maintenance_catalog import ServerFacts
    from bulkq.model.maintenance import MaintenanceOptions

ONLY_PARENT = 180000
"""From this version on, VACUUM and ANALYZE of a table do the tables that inherit from it too, unless ONLY stands before its name."""

SYSTEM = ("pg_catalog", "pg_toast", "information_schema")

_BUSY = """\
SELECT l.relation, min(l.pid) AS pid, bool_or(l.mode = 'AccessExclusiveLock') AS closed, bool_or(l.granted) AS granted
      FROM pg_catalog.pg_locks AS l
     WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid()
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
       AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
     GROUP BY l.relation"""
"""Locks that conflict with maintenance, whether they are held or waited for."""

_WIDTHS = """\
SELECT s.schemaname, s.tablename, s.attname, s.avg_width * (1 - s.null_frac) AS width FROM pg_catalog.pg_stats AS s WHERE NOT s.inherited"""

_TABLE_BLOAT = """\
(SELECT CASE WHEN count(*) = count(w.width) AND t.reltuples >= 0 THEN
                ceil(t.reltuples * (28 + sum(w.width)) / ((current_setting('block_size')::float8 - 24)
                * coalesce(substring(array_to_string(t.reloptions, ',') FROM 'fillfactor=([0-9]+)')::float8, 100) / 100)) END
           FROM pg_catalog.pg_attribute AS a
           LEFT JOIN widths AS w ON w.schemaname = n.nspname AND w.tablename = t.relname AND w.attname = a.attname
          WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v')"""
"""Pages that the rows would fill: 23 bytes of a row, aligned, and 4 of its pointer; NULL if a column has no statistics for this role.
A virtual column is not stored, and has none."""

_INDEX_BLOAT = """\
(SELECT CASE WHEN m.amname = 'btree' AND count(*) = count(w.width) AND c.reltuples >= 0 THEN
                1 + ceil(c.reltuples * (12 + 8 * ceil(sum(w.width) / 8)) / ((current_setting('block_size')::float8 - 40)
                * coalesce(substring(array_to_string(c.reloptions, ',') FROM 'fillfactor=([0-9]+)')::float8, 90) / 100)) END
           FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
           LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = CASE WHEN k.attnum = 0 THEN c.oid ELSE t.oid END
                AND a.attnum = CASE WHEN k.attnum = 0 THEN k.place ELSE k.attnum END
           LEFT JOIN widths AS w ON w.schemaname = n.nspname AND w.tablename = CASE WHEN k.attnum = 0 THEN c.relname ELSE t.relname END
                AND w.attname = a.attname)"""
"""The same of an index: 8 bytes of an entry and 4 of its pointer, in pages that are full up to the fill factor.
The statistics of an expression stand below the name of the index."""

_RULES = """\
pg_catalog.pg_rewrite AS r ON r.ev_class = {view}
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
           AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class"""
_USES = f"""\
SELECT v.oid, d.refobjid FROM pg_catalog.pg_class AS v JOIN {_RULES.format(view="v.oid")} WHERE v.relkind = 'm'
    UNION
    SELECT u.view, d.refobjid FROM uses AS u JOIN {_RULES.format(view="u.used")}"""
"""What materialized views read, at all levels. What a function reads is not known to the server."""

_READ = """\
ARRAY(SELECT q.nspname || '.' || p.relname FROM uses AS u
             JOIN pg_catalog.pg_class AS p ON p.oid = u.used AND p.relkind = 'm'
             JOIN pg_catalog.pg_namespace AS q ON q.oid = p.relnamespace
            WHERE u.view = c.oid ORDER BY 1)::text[]"""

_LIVE = "pg_catalog.pg_stat_get_live_tuples(t.oid)"
_KINDS = {"r": "table", "p": "partitioned table", "m": "materialized view", "i": "index", "t": "table"}
_KIND = " ".join(["CASE c.relkind", *(f"WHEN '{letter}' THEN '{kind}'" for letter, kind in _KINDS.items()), "END"])

_ROWS_OF = {
    "vacuum": "c.relkind IN ('r', 'm')",
    "freeze": "c.relkind IN ('r', 'm')",
    "analyze": "(c.relkind IN ('r', 'm') OR c.relkind = 'p' AND {parents})",
    "reindex": "c.relkind = 'i' AND i.indisvalid AND i.indisready AND i.indislive AND t.relkind IN ('r', 'm')",
    "cluster": (
        "{filled} AND EXISTS (SELECT FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid AND x.indisclustered)"
    ),
    "refresh": "c.relkind = 'm'",
}
"""Which rows of the catalog are objects of a command. The indexes of a partitioned table have no rows of their own."""

_FILLED = "(c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated)"
"""Tables that can be written anew. For a materialized view without data, the server reports success and does nothing."""

_EPOCH = """\
(SELECT left(md5(concat(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), '/', pg_catalog.pg_stat_get_bgwriter_stat_reset_time())), 6)
           FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())"""
"""A short text that differs when the counters were reset: by a user, or because the server has crashed, which resets those of all kinds."""

_COUNT = "pg_catalog.pg_stat_get_{}_count(c.oid)::text"
_COUNTED = f"{_COUNT} || '/' || c.oid::oid::text || '/' || {_EPOCH}"
_FILE = "pg_catalog.pg_relation_filenode(c.oid)::text"
_WRITTEN = f"{_FILE} || '/' || c.oid::oid::text || '/file'"
_PROOF_OF = {
    "vacuum": _COUNTED.format("vacuum"),
    "analyze": f"CASE WHEN c.relkind <> 'p' THEN {_COUNTED.format('analyze')} END",
    "rewrite": _WRITTEN,
    "rewrite and analyze": (
        f"CASE WHEN current_setting('track_counts')::bool THEN {_FILE} || '+' || {_COUNTED.format('analyze')} ELSE {_WRITTEN} END"
    ),
    "reindex": "c.oid::text || '/' || pg_catalog.pg_relation_filenode(c.oid)::text",
}
"""What differs, of which object, and since when. REINDEX CONCURRENTLY gives an index another oid, so there both parts may differ.
Where `+` joins two texts, each of them differs: VACUUM FULL is over before its ANALYZE begins."""


_NAMELESS = "'/' || c.oid::oid::text || '/'"
"""In place of a proof: it shows nothing, but the object is known by it if it gets another name."""


def proves(proof: str) -> bool:
    """Whether a proof shows more than which object it is."""
    return bool(proof) and not proof.startswith("/")


def moved(then: str, now: str) -> bool | None:
    """Whether the object that had the proof `then` was done; None if the catalog cannot tell.

    An object that has the name of the former one, and is another, was not done. Counters that were reset say nothing, unless they have
    counted since. A proof of an older version of bulkq has no oid.
    """
    if not proves(then):
        return None
    if then == now:
        return False
    before, after = then.split("/"), now.split("/")
    if len(after) < 3:
        return True
    if len(before) < 3:
        return None
    if before[1] != after[1]:
        return False
    if before[2] != after[2]:
        return True if after[0].isdigit() and after[0] not in {"0", before[0]} else None
    return all(was != now for was, now in zip(before[0].split("+"), after[0].split("+"), strict=True))


def identity(proof: str) -> str:
    """The oid in a proof; "" for a proof of an older version of bulkq, which may have none."""
    parts = proof.split("/")
    return parts[-2] if len(parts) > 1 and parts[-2].isdigit() else ""


def object_query(options: MaintenanceOptions, server: ServerFacts, *, bloat: bool, sizes: SizeForm) -> str:
    """The query for the objects of a command; see `read` for its columns."""
    if options.command == "checkpoint":
        return _CHECKPOINT[server.version >= 150000]
    if options.command == "indexes":
        return findings_query(maintain=server.version >= MAINTAIN)
    index = options.command == "reindex"
    return f"""\
WITH RECURSIVE busy AS MATERIALIZED (
    {_BUSY}){_widths(bloat=bloat)}{_uses(options)}
SELECT {_KIND}, n.nspname::text, c.relname::text, n.nspname || '.' || t.relname, c.relkind = 'p',
       {_size(sizes, index=index)}::float8,
       pg_catalog.pg_stat_get_dead_tuples(t.oid)::float8, {_LIVE}::float8,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::float8 END,
       greatest(age(nullif(t.relfrozenxid, '0')), age(nullif(o.relfrozenxid, '0')))::float8,
       greatest(mxid_age(nullif(t.relminmxid, '0')), mxid_age(nullif(o.relminmxid, '0')))::float8,
       extract(epoch FROM now() - greatest(pg_catalog.pg_stat_get_last_vacuum_time(t.oid),
                                           pg_catalog.pg_stat_get_last_autovacuum_time(t.oid)))::float8,
       extract(epoch FROM now() - greatest(pg_catalog.pg_stat_get_last_analyze_time(t.oid),
                                           pg_catalog.pg_stat_get_last_autoanalyze_time(t.oid)))::float8,
       {_bloat(index=index, bloat=bloat)}::float8, (c.relpages * current_setting('block_size')::float8),
       {may_maintain(options.command, server)}, {grantable_owner("t.relowner")},
       {_proof(options)}, b.pid, {_possible(options)}, {PARENTS}, {_after(options)}
  FROM pg_catalog.pg_class AS c
  LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
  JOIN pg_catalog.pg_class AS t ON t.oid = coalesce(i.indrelid, c.oid)
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
  LEFT JOIN pg_catalog.pg_class AS o ON o.oid = t.reltoastrelid
  LEFT JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
  LEFT JOIN busy AS b ON b.relation = t.oid
  LEFT JOIN busy AS x ON x.relation = c.oid AND c.oid <> t.oid
 WHERE t.relpersistence <> 't' AND NOT c.relisshared AND {_rows_of(options, server)}
   AND {_schemas(options)}
 ORDER BY 2, 3"""


def _rows_of(options: MaintenanceOptions, server: ServerFacts) -> str:
    """The condition for the objects of a command in the catalog."""
    parents = "true" if server.version >= ONLY_PARENT else "NOT c.relispartition"
    return _FILLED if options.full else _ROWS_OF[options.command].format(parents=parents, filled=_FILLED)


def proof_expression(options: MaintenanceOptions) -> str:
    """An expression for the proof of the object `c`, see `ObjectFacts.proof`; "" if there is none."""
    if options.command == "refresh":
        return ""
    if options.command == "reindex":
        return _PROOF_OF["reindex"]
    if options.command == "cluster" or options.full:
        return _PROOF_OF["rewrite and analyze" if options.full and options.analyze else "rewrite"]
    return _PROOF_OF["analyze" if options.command == "analyze" else "vacuum"]


def _proof(options: MaintenanceOptions) -> str:
    """The proof in the list of objects, or what stands in its place. Without `track_counts` the server does not count."""
    found = proof_expression(options)
    if not found:
        return _NAMELESS
    counted = found in {_PROOF_OF["vacuum"], _PROOF_OF["analyze"]}
    return (
        f"coalesce(CASE WHEN current_setting('track_counts')::bool THEN {found} END, {_NAMELESS})" if counted else found
    )


def _widths(*, bloat: bool) -> str:
    return f",\nwidths AS MATERIALIZED (\n    {_WIDTHS})" if bloat else ""


def _uses(options: MaintenanceOptions) -> str:
    return f",\nuses (view, used) AS (\n    {_USES})" if options.command == "refresh" else ""


def _after(options: MaintenanceOptions) -> str:
    """The materialized views that another one reads, directly or through views."""
    return _READ if options.command == "refresh" else "NULL::text[]"


def _bloat(*, index: bool, bloat: bool) -> str:
    if not bloat:
        return "NULL"
    pages = _INDEX_BLOAT if index else _TABLE_BLOAT
    return f"greatest(0, c.relpages - {pages}) * current_setting('block_size')::float8"


def _size(form: SizeForm, *, index: bool) -> str:
    """The size in bytes. A rough one is that of the table alone at its last VACUUM or ANALYZE, grown as its rows have since."""
    estimate = "c.relpages * current_setting('block_size')::float8"
    if form is SizeForm.ESTIMATED:
        return f"({estimate})"
    size = "pg_relation_size(c.oid)" if index else "pg_total_relation_size(c.oid)"
    rough = f"WHEN c.relpages > 0 AND c.reltuples > 0 THEN {estimate} * greatest(1, {_LIVE} / c.reltuples) "
    return (
        f"(CASE WHEN coalesce(b.closed, false) OR coalesce(x.closed, false) THEN {estimate} "
        f"{rough if form is SizeForm.ROUGH else ''}ELSE {size} END)"
    )


def _possible(options: MaintenanceOptions) -> str:
    """Whether CONCURRENTLY is possible."""
    if options.command == "reindex":
        return "NOT i.indisexclusion"
    if options.command == "refresh":
        return (
            "c.relispopulated AND EXISTS (SELECT FROM pg_catalog.pg_index AS u WHERE u.indrelid = c.oid AND u.indisunique AND u.indisvalid "
            "AND u.indpred IS NULL AND u.indexprs IS NULL)"
        )
    return "true"


def _schemas(options: MaintenanceOptions) -> str:
    """Leave out the server's own schemas, unless one is named. FREEZE needs them: their age is that of the database."""
    named = [schema for schema in SYSTEM if schema in options.schemas]
    if options.command == "freeze":
        named.append("pg_catalog")
    left_out = ", ".join(f"'{schema}'" for schema in SYSTEM if schema not in named)
    return f"n.nspname NOT IN ({left_out})" if left_out else "true"


_UNKNOWN = ", ".join(["NULL::float8"] * 10)
_CHECKPOINT = {
    later: (
        f"SELECT 'database', '', current_database()::text, '', false, {_UNKNOWN}, {right}, 'pg_checkpoint', "
        "NULL::text, NULL::int, true"
    )
    for later, right in (
        (True, "pg_has_role('pg_checkpoint', 'USAGE')"),
        (False, "(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)"),
    )
}
"""The server is the only object of a checkpoint. By whether the role `pg_checkpoint` exists, since version 15."""

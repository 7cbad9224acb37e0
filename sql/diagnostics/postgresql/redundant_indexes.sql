-- name: redundant_indexes
-- Indexes whose columns are the first columns of another index, which can do their work.
-- Drop the shorter one, unless it is much smaller and used very often: DROP INDEX CONCURRENTLY.
-- @requires pg>=13
-- @tags indexes
-- @warn rows > 0
SELECT a.indrelid::regclass::text AS "table", a.indexrelid::regclass::text AS index, b.indexrelid::regclass::text AS covered_by,
       pg_size_pretty(c.relpages::bigint * current_setting('block_size')::bigint) AS size, s.idx_scan AS scans
  FROM pg_index AS a
  JOIN pg_class AS c ON c.oid = a.indexrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
  JOIN pg_index AS b ON b.indrelid = a.indrelid AND b.indexrelid <> a.indexrelid AND b.indisvalid
  JOIN pg_class AS d ON d.oid = b.indexrelid AND d.relam = c.relam
  LEFT JOIN pg_stat_user_indexes AS s ON s.indexrelid = a.indexrelid
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\_temp%' AND NOT a.indisunique AND a.indisvalid AND a.indnatts = a.indnkeyatts AND a.indnkeyatts < b.indnkeyatts
   AND a.indexprs IS NULL AND b.indexprs IS NULL
   AND coalesce(pg_get_expr(a.indpred, a.indrelid), '') = coalesce(pg_get_expr(b.indpred, b.indrelid), '')
   AND b.indkey::text LIKE a.indkey::text || ' %' AND b.indclass::text LIKE a.indclass::text || ' %'
   AND b.indcollation::text LIKE a.indcollation::text || ' %' AND b.indoption::text LIKE a.indoption::text || ' %'
 ORDER BY c.relpages DESC, 1, 2, 3;

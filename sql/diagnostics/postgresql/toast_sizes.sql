-- name: toast_sizes(at_least: bigint = 10485760)
-- Tables whose large values, in TOAST, take more room than their rows.
-- Reading such a column costs more than the row: select only the columns you need, or store the values elsewhere.
-- @requires pg>=13
-- @tags sizes
-- @timeout 1m
-- @expect rows >= 0
SELECT c.oid::regclass::text AS "table", CASE WHEN c.reltuples >= 0 THEN c.reltuples END::bigint AS rows,
       pg_size_pretty(c.relpages::bigint * current_setting('block_size')::bigint) AS heap,
       pg_size_pretty(t.relpages::bigint * current_setting('block_size')::bigint) AS toast,
       round(100.0 * t.relpages / nullif(c.relpages + t.relpages, 0), 1) AS percent_toast,
       t.relpages::bigint * current_setting('block_size')::bigint AS toast_bytes
  FROM pg_class AS c JOIN pg_class AS t ON t.oid = c.reltoastrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE t.relpages > c.relpages AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp'
   AND t.relpages::bigint * current_setting('block_size')::bigint >= :at_least
 ORDER BY toast_bytes DESC, 1;

-- name: unlogged
-- Tables that are not written to the WAL.
-- After a crash they are empty, and replicas do not have them. ALTER TABLE ... SET LOGGED rewrites the table.
-- @requires pg>=13
-- @tags tables
-- @warn rows > 0
SELECT c.oid::regclass::text AS "table", CASE WHEN c.reltuples >= 0 THEN c.reltuples END::bigint AS rows,
       pg_size_pretty(c.relpages::bigint * current_setting('block_size')::bigint) AS size
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relpersistence = 'u' AND c.relkind IN ('r', 'm', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp'
 ORDER BY c.relpages DESC, 1;

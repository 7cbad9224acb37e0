-- name: duplicate_indexes
-- Indexes with the same definition on one table.
-- Keep one: drop those that no constraint needs, with DROP INDEX CONCURRENTLY.
-- @requires pg>=13
-- @tags indexes
-- @warn rows > 0
SELECT i.indrelid::regclass::text AS "table", string_agg(i.indexrelid::regclass::text, ', ' ORDER BY i.indisprimary DESC, i.indisunique DESC, i.indexrelid) AS indexes,
       count(*) AS copies, pg_size_pretty(sum(c.relpages)::bigint * current_setting('block_size')::bigint) AS size
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\_temp%' AND i.indisvalid
 GROUP BY i.indrelid, c.relam, i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text,
          coalesce(pg_get_expr(i.indexprs, i.indrelid), ''), coalesce(pg_get_expr(i.indpred, i.indrelid), '')
HAVING count(*) > 1
 ORDER BY sum(c.relpages) DESC, 1;

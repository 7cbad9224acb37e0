-- name: no_primary_key
-- Tables without a primary key.
-- Their rows cannot be told apart: logical replication cannot update them, and bulkq cannot cut them into ranges. Add one.
-- @requires pg>=13
-- @tags tables, schema
-- @warn rows > 0
SELECT c.oid::regclass::text AS "table", CASE WHEN c.reltuples >= 0 THEN c.reltuples END::bigint AS rows,
       EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL) AS has_unique_index
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp'
   AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)
 ORDER BY rows DESC NULLS LAST, 1;

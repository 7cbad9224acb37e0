-- name: redundant_indexes
-- Indexes whose columns are the first columns of another index, which can do their work.
-- Drop the shorter one, unless it is much smaller and used very often: DROP INDEX CONCURRENTLY. An index of a partitioned table
-- stands for those of its partitions, and DROP INDEX without CONCURRENTLY drops them all.
-- @requires pg>=13
-- @tags indexes
-- @warn rows > 0
SELECT a.indrelid::regclass::text AS "table", a.indexrelid::regclass::text AS index, b.indexrelid::regclass::text AS covered_by,
       pg_size_pretty(u.pages::bigint * current_setting('block_size')::bigint) AS size, u.scans
  FROM pg_index AS a
  JOIN pg_class AS c ON c.oid = a.indexrelid AND NOT c.relispartition
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
  JOIN pg_index AS b ON b.indrelid = a.indrelid AND b.indexrelid <> a.indexrelid AND b.indisvalid
  JOIN pg_class AS d ON d.oid = b.indexrelid AND d.relam = c.relam
 CROSS JOIN LATERAL (
       SELECT sum(x.relpages) AS pages, sum(pg_stat_get_numscans(x.oid))::bigint AS scans FROM pg_class AS x
        WHERE x.oid = a.indexrelid OR x.oid IN (SELECT relid FROM pg_partition_tree(a.indexrelid))) AS u
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp' AND NOT a.indisunique AND NOT a.indisexclusion AND NOT a.indisclustered AND a.indisvalid AND a.indnatts = a.indnkeyatts AND a.indnkeyatts < b.indnkeyatts
   AND a.indexprs IS NULL
   AND coalesce(pg_get_expr(a.indpred, a.indrelid), '') = coalesce(pg_get_expr(b.indpred, b.indrelid), '')
   AND b.indkey::text LIKE a.indkey::text || ' %' AND b.indclass::text LIKE a.indclass::text || ' %'
   AND b.indcollation::text LIKE a.indcollation::text || ' %' AND b.indoption::text LIKE a.indoption::text || ' %'
 ORDER BY u.pages DESC, 1, 2, 3;

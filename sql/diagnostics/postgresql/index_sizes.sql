-- name: index_sizes(most: bigint = 30)
-- The largest indexes, with their share of the table, and how often they were used.
-- A large index with few scans: see unused_indexes. One larger than its table: see index_bloat.
-- @requires pg>=13
-- @tags sizes, indexes
-- @timeout 1m
-- @expect rows >= 0
SELECT s.indexrelid::regclass::text AS index, s.relid::regclass::text AS "table", pg_size_pretty(pg_relation_size(s.indexrelid)) AS size,
       round(100.0 * pg_relation_size(s.indexrelid) / nullif(pg_relation_size(s.relid), 0), 1) AS percent_of_table,
       s.idx_scan AS scans, pg_relation_size(s.indexrelid) AS bytes
  FROM pg_stat_user_indexes AS s
 ORDER BY bytes DESC, 1
 LIMIT :most;

-- name: stale_statistics(percent: numeric = 20, at_least: bigint = 1000)
-- Tables that were never analyzed, or of whose rows so many percent have changed since.
-- The planner works with old numbers: run ANALYZE, or lower autovacuum_analyze_scale_factor of the table. Autovacuum never analyzes a
-- partitioned table, only its partitions.
-- @requires pg>=13
-- @tags vacuum, planner
-- @warn rows > 0
SELECT s.relid::regclass::text AS "table", l.rows, s.n_mod_since_analyze AS changed,
       round(100.0 * s.n_mod_since_analyze / nullif(l.rows, 0), 1) AS percent_changed,
       greatest(s.last_analyze, s.last_autoanalyze) AS last_analyze
  FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
 CROSS JOIN LATERAL (
       SELECT CASE c.relkind WHEN 'p' THEN (SELECT sum(pg_stat_get_live_tuples(t.relid))::bigint FROM pg_partition_tree(c.oid) AS t WHERE t.isleaf)
                             ELSE s.n_live_tup END AS rows) AS l
 WHERE s.n_mod_since_analyze >= :at_least
   AND (greatest(s.last_analyze, s.last_autoanalyze) IS NULL OR 100.0 * s.n_mod_since_analyze >= :percent * s.n_live_tup)
    OR c.relkind = 'p' AND c.reltuples < 0 AND l.rows >= :at_least
 ORDER BY s.n_mod_since_analyze DESC, 1;

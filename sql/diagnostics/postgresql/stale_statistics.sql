-- name: stale_statistics(percent: numeric = 20, at_least: bigint = 1000)
-- Tables that were never analyzed, or of whose rows so many percent have changed since.
-- The planner works with old numbers: run ANALYZE, or lower autovacuum_analyze_scale_factor of the table.
-- @requires pg>=13
-- @tags vacuum, planner
-- @warn rows > 0
SELECT relid::regclass::text AS "table", n_live_tup AS rows, n_mod_since_analyze AS changed,
       round(100.0 * n_mod_since_analyze / nullif(n_live_tup, 0), 1) AS percent_changed,
       greatest(last_analyze, last_autoanalyze) AS last_analyze
  FROM pg_stat_user_tables
 WHERE n_mod_since_analyze >= :at_least
   AND (greatest(last_analyze, last_autoanalyze) IS NULL OR 100.0 * n_mod_since_analyze >= :percent * n_live_tup)
 ORDER BY n_mod_since_analyze DESC, 1;

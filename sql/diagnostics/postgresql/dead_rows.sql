-- name: dead_rows(percent: numeric = 20, at_least: bigint = 1000)
-- Tables of whose rows more than so many percent are dead.
-- Vacuum them: bulkq maintain vacuum, or VACUUM. If that does not help, see oldest_snapshots.
-- @requires pg>=13
-- @tags vacuum
-- @warn rows > 0
SELECT relid::regclass::text AS "table", n_live_tup AS live, n_dead_tup AS dead,
       round(100.0 * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0), 1) AS percent_dead,
       greatest(last_vacuum, last_autovacuum) AS last_vacuum
  FROM pg_stat_user_tables
 WHERE n_dead_tup >= :at_least AND 100.0 * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0) >= :percent
 ORDER BY n_dead_tup DESC, 1;

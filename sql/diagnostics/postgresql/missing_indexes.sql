-- name: missing_indexes(rows_at_least: bigint = 10000, scans_at_least: bigint = 50)
-- Large tables that are often read from the first row to the last: an index may be missing.
-- Find the statements with statements_by_time, and look at their plans. Reports, backups
-- and index builds read whole tables too.
-- @requires pg>=13
-- @tags indexes
-- @warn rows > 0
SELECT s.relid::regclass::text AS "table", CASE WHEN c.reltuples >= 0 THEN c.reltuples END::bigint AS rows, s.seq_scan AS full_scans,
       s.seq_tup_read / nullif(s.seq_scan, 0) AS rows_per_scan, s.idx_scan AS index_scans,
       round(100.0 * s.seq_scan / nullif(s.seq_scan + coalesce(s.idx_scan, 0), 0), 1) AS percent_full
  FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
 WHERE greatest(c.reltuples, s.n_live_tup) >= :rows_at_least AND s.seq_scan >= :scans_at_least
   AND s.seq_tup_read / nullif(s.seq_scan, 0) >= :rows_at_least
 ORDER BY s.seq_tup_read DESC, 1;

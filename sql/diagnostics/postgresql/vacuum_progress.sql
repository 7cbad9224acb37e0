-- name: vacuum_progress
-- Each VACUUM that runs at this moment, autovacuum too: phase, and how far it is.
-- If "index_passes" is above 1, raise maintenance_work_mem (autovacuum_work_mem).
-- @requires pg>=13, pg<17, role:pg_read_all_stats
-- @tags vacuum
-- @expect rows >= 0
SELECT v.pid, v.datname AS database, CASE WHEN v.datname = current_database() THEN v.relid::regclass::text END AS "table", v.phase,
       round(100.0 * v.heap_blks_scanned / nullif(v.heap_blks_total, 0), 1) AS percent_scanned,
       round(100.0 * v.heap_blks_vacuumed / nullif(v.heap_blks_total, 0), 1) AS percent_vacuumed,
       v.index_vacuum_count AS index_passes, v.num_dead_tuples AS dead_rows,
       date_trunc('seconds', clock_timestamp() - a.xact_start) AS running_for, a.backend_type = 'autovacuum worker' AS automatic,
       concat_ws(': ', a.wait_event_type, a.wait_event) AS wait
  FROM pg_stat_progress_vacuum AS v LEFT JOIN pg_stat_activity AS a ON a.pid = v.pid
 ORDER BY a.xact_start;

-- name: vacuum_progress
-- Each VACUUM that runs at this moment, autovacuum too: phase, and how far it is.
-- If "index_passes" is above 1, raise maintenance_work_mem (autovacuum_work_mem).
-- @requires pg>=17, role:pg_read_all_stats
-- @tags vacuum
-- @expect rows >= 0
SELECT v.pid, v.datname AS database, CASE WHEN v.datname = current_database() THEN v.relid::regclass::text END AS "table", v.phase,
       round(100.0 * v.heap_blks_scanned / nullif(v.heap_blks_total, 0), 1) AS percent_scanned,
       round(100.0 * v.heap_blks_vacuumed / nullif(v.heap_blks_total, 0), 1) AS percent_vacuumed,
       v.index_vacuum_count AS index_passes, v.num_dead_item_ids AS dead_rows,
       date_trunc('seconds', clock_timestamp() - a.xact_start) AS running_for, a.backend_type = 'autovacuum worker' AS automatic,
       concat_ws(': ', a.wait_event_type, a.wait_event) AS wait
  FROM pg_stat_progress_vacuum AS v LEFT JOIN pg_stat_activity AS a ON a.pid = v.pid
 ORDER BY a.xact_start;

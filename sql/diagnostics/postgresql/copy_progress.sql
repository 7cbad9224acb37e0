-- name: copy_progress
-- Each COPY that runs at this moment: bytes and rows so far.
-- One that waits for its client blocks vacuum as any long transaction does.
-- @requires pg>=14, role:pg_read_all_stats
-- @tags activity
-- @expect rows >= 0
SELECT p.pid, p.datname AS database, CASE WHEN p.datname = current_database() THEN nullif(p.relid, 0)::regclass::text END AS "table", p.command,
       p.type, p.bytes_processed AS bytes, round(100.0 * p.bytes_processed / nullif(p.bytes_total, 0), 1) AS percent, p.tuples_processed AS rows,
       date_trunc('seconds', clock_timestamp() - a.query_start) AS running_for
  FROM pg_stat_progress_copy AS p LEFT JOIN pg_stat_activity AS a ON a.pid = p.pid
 ORDER BY a.query_start;

-- name: index_progress
-- Each CREATE INDEX and REINDEX that runs at this moment: phase, how far it is, and the session that it waits for.
-- A CONCURRENTLY command waits for every older snapshot of the database: end that transaction if it may end.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags indexes
-- @expect rows >= 0
SELECT p.pid, p.datname AS database, CASE WHEN p.datname = current_database() THEN p.relid::regclass::text END AS "table", p.command, p.phase,
       round(100.0 * p.blocks_done / nullif(p.blocks_total, 0), 1) AS percent_blocks,
       round(100.0 * p.tuples_done / nullif(p.tuples_total, 0), 1) AS percent_rows,
       nullif(p.current_locker_pid, 0) AS waits_for_pid, left(w.query, 100) AS query_of_that_pid,
       date_trunc('seconds', clock_timestamp() - a.query_start) AS running_for
  FROM pg_stat_progress_create_index AS p
  LEFT JOIN pg_stat_activity AS a ON a.pid = p.pid
  LEFT JOIN pg_stat_activity AS w ON w.pid = nullif(p.current_locker_pid, 0)
 ORDER BY a.query_start;

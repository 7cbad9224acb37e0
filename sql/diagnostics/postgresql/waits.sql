-- name: waits
-- What active sessions wait for, by event.
-- "Lock": see blocking. "LWLock" and "IO": contention or slow storage. "Client": the application is slow to read.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags activity
-- @expect rows >= 0
SELECT coalesce(wait_event_type, 'none (computes)') AS wait_type, wait_event, count(*) AS sessions,
       date_trunc('milliseconds', max(clock_timestamp() - query_start)) AS longest_statement,
       string_agg(pid::text, ', ' ORDER BY query_start) AS pids
  FROM pg_stat_activity
 WHERE state = 'active' AND application_name <> current_setting('application_name')
 GROUP BY wait_event_type, wait_event
 ORDER BY sessions DESC, 1, 2;

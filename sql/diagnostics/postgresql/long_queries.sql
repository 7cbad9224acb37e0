-- name: long_queries(longer_than: interval = '1 min')
-- Statements that have been running for longer than this.
-- pg_cancel_backend(pid) ends the statement; statement_timeout bounds all of them.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags activity
-- @warn rows > 0
SELECT pid, datname AS database, usename AS "user", application_name AS application,
       date_trunc('milliseconds', clock_timestamp() - query_start) AS running_for,
       concat_ws(': ', wait_event_type, wait_event) AS wait, left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 200) AS query
  FROM pg_stat_activity
 WHERE backend_type IN ('client backend', 'parallel worker') AND state = 'active'
   AND clock_timestamp() - query_start > :longer_than AND application_name <> current_setting('application_name')
 ORDER BY query_start;

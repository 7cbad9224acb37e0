-- name: connections
-- Connections by database, user, application and state.
-- Many idle ones: use a pooler, or lower the pool size of that application.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags activity
-- @expect rows >= 0
SELECT datname AS database, usename AS "user", application_name AS application, state, count(*) AS connections,
       date_trunc('seconds', max(clock_timestamp() - backend_start)) AS oldest,
       date_trunc('seconds', max(clock_timestamp() - state_change)) AS longest_in_state
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND application_name <> current_setting('application_name')
 GROUP BY datname, usename, application_name, state
 ORDER BY connections DESC, 1, 2, 3, 4;

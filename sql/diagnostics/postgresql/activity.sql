-- name: activity(most: bigint = 50)
-- What the sessions do at this moment, the longest statement first.
-- A session that is idle holds a connection, and nothing else. "wait" says what an active one waits for.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags activity
-- @expect rows >= 0
SELECT pid, datname AS database, usename AS "user", application_name AS application, host(client_addr) AS client, state,
       date_trunc('milliseconds', clock_timestamp() - xact_start) AS transaction_for,
       date_trunc('milliseconds', clock_timestamp() - query_start) AS statement_for,
       concat_ws(': ', wait_event_type, wait_event) AS wait, left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 100) AS query
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND state <> 'idle' AND application_name <> current_setting('application_name')
 ORDER BY query_start
 LIMIT :most;

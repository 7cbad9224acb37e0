-- name: long_transactions(longer_than: interval = '5 min')
-- Transactions that have been open for longer than this, whatever they do.
-- Vacuum cannot remove rows that died after they began, and their locks stay. End them in the application, or with
-- pg_terminate_backend(pid).
-- @requires pg>=13, role:pg_read_all_stats
-- @tags transactions
-- @warn rows > 0
SELECT pid, datname AS database, usename AS "user", application_name AS application, state,
       date_trunc('seconds', clock_timestamp() - xact_start) AS open_for,
       date_trunc('seconds', clock_timestamp() - state_change) AS in_state_for,
       greatest(age(backend_xid), age(backend_xmin))::bigint AS transactions_since,
       left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 200) AS last_query
  FROM pg_stat_activity
 WHERE backend_type IN ('client backend', 'logical replication worker')
   AND clock_timestamp() - xact_start > :longer_than AND application_name <> current_setting('application_name')
 ORDER BY xact_start;

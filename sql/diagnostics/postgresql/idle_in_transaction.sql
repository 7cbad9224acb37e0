-- name: idle_in_transaction(longer_than: interval = '1 min')
-- Sessions that opened a transaction and have sent nothing for longer than this.
-- They keep locks and hold back vacuum. Commit in the application; idle_in_transaction_session_timeout ends them.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags transactions
-- @warn rows > 0
SELECT a.pid, a.datname AS database, a.usename AS "user", a.application_name AS application, a.state,
       date_trunc('seconds', clock_timestamp() - a.state_change) AS idle_for,
       date_trunc('seconds', clock_timestamp() - a.xact_start) AS open_for,
       (SELECT count(*) FROM pg_locks AS l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation') AS locked_relations,
       left(regexp_replace(a.query, '[[:space:]]+', ' ', 'g'), 200) AS last_query
  FROM pg_stat_activity AS a
 WHERE a.state IN ('idle in transaction', 'idle in transaction (aborted)')
   AND clock_timestamp() - a.state_change > :longer_than AND a.application_name <> current_setting('application_name')
 ORDER BY a.state_change;

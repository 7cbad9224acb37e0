-- name: replicas
-- Replicas that are connected: state, bytes and time that each is behind.
-- "replay_lag" is NULL or stale on a replica that is idle: read the bytes first.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags replication
-- @expect rows >= 0
SELECT application_name AS replica, host(client_addr) AS client, state, sync_state,
       pg_wal_lsn_diff(here.lsn, sent_lsn)::bigint AS bytes_to_send, pg_wal_lsn_diff(here.lsn, flush_lsn)::bigint AS bytes_to_flush,
       pg_wal_lsn_diff(here.lsn, replay_lsn)::bigint AS bytes_to_replay, replay_lag,
       date_trunc('seconds', clock_timestamp() - reply_time) AS last_answer
  FROM pg_stat_replication,
       (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS lsn) AS here
 ORDER BY bytes_to_replay DESC NULLS LAST, application_name;

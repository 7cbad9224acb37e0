-- name: replication_lag(more_than: bigint = 104857600)
-- Replicas that are more than so many bytes of WAL behind.
-- Look at the network, at the disk of the replica, and at queries there that hold back replay.
-- @requires pg>=13, primary, role:pg_read_all_stats
-- @tags replication
-- @warn rows > 0
SELECT application_name AS replica, host(client_addr) AS client, state,
       pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint AS bytes_behind,
       pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) AS behind, reply_time AS last_answer
  FROM pg_stat_replication
 WHERE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) > :more_than
 ORDER BY bytes_behind DESC;

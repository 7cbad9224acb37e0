-- name: standby
-- Where this standby is: what it has received and replayed, and from which server.
-- A difference that grows: replay is slower than the primary writes, or a query holds it back.
-- @requires pg>=13, standby, role:pg_read_all_stats
-- @tags replication
-- @expect rows >= 0
SELECT r.status, r.sender_host AS primary_host, r.slot_name AS slot,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint AS bytes_to_replay,
       date_trunc('seconds', clock_timestamp() - pg_last_xact_replay_timestamp()) AS last_transaction_replayed,
       pg_is_wal_replay_paused() AS paused, r.latest_end_time AS last_message
  FROM (SELECT 1) AS one LEFT JOIN pg_stat_wal_receiver AS r ON true;

-- name: inactive_slots(keep_more_than: bigint = 0)
-- Slots that no consumer reads, or that have lost WAL which their consumer needs.
-- If the consumer will not come back, drop the slot: pg_drop_replication_slot(name). A slot that is "lost" needs a new copy.
-- @requires pg>=13
-- @tags replication
-- @warn rows > 0
SELECT slot_name AS slot, slot_type AS type, database, wal_status, pg_wal_lsn_diff(here.lsn, restart_lsn)::bigint AS kept_bytes,
       pg_size_pretty(pg_wal_lsn_diff(here.lsn, restart_lsn)) AS kept
  FROM pg_replication_slots AS s,
       (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn) AS here
 WHERE NOT temporary AND to_jsonb(s) ->> 'synced' IS DISTINCT FROM 'true' AND (wal_status IN ('unreserved', 'lost')
       OR NOT active AND coalesce(pg_wal_lsn_diff(here.lsn, restart_lsn), 0) >= :keep_more_than)
 ORDER BY kept_bytes DESC NULLS LAST, slot_name;

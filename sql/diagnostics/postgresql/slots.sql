-- name: slots
-- Replication slots, and the WAL that each keeps.
-- A slot without a consumer fills the disk: drop it with pg_drop_replication_slot(name), or set max_slot_wal_keep_size.
-- @requires pg>=13, pg<17
-- @tags replication
-- @expect rows >= 0
SELECT slot_name AS slot, slot_type AS type, database, active, wal_status, NULL AS invalidated_by, NULL::timestamptz AS inactive_since,
       pg_wal_lsn_diff(here.lsn, restart_lsn)::bigint AS kept_bytes, pg_size_pretty(pg_wal_lsn_diff(here.lsn, restart_lsn)) AS kept,
       age(xmin)::bigint AS xmin_age, age(catalog_xmin)::bigint AS catalog_xmin_age
  FROM pg_replication_slots,
       (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn) AS here
 ORDER BY kept_bytes DESC NULLS LAST, slot_name;

-- name: slots
-- Replication slots, and the WAL that each keeps.
-- A slot without a consumer fills the disk: drop it with pg_drop_replication_slot(name), or set max_slot_wal_keep_size.
-- @requires pg>=17
-- @tags replication
-- @expect rows >= 0
SELECT slot_name AS slot, slot_type AS type, database, active, wal_status, invalidation_reason AS invalidated_by, inactive_since,
       pg_wal_lsn_diff(here.lsn, restart_lsn)::bigint AS kept_bytes, pg_size_pretty(pg_wal_lsn_diff(here.lsn, restart_lsn)) AS kept,
       age(xmin)::bigint AS xmin_age, age(catalog_xmin)::bigint AS catalog_xmin_age
  FROM pg_replication_slots,
       (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn) AS here
 ORDER BY kept_bytes DESC NULLS LAST, slot_name;

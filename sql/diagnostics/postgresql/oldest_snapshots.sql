-- name: oldest_snapshots(older_than: bigint = 1000000)
-- What keeps vacuum from removing dead rows: sessions, prepared transactions, slots and replicas with an old snapshot.
-- "transactions_since" counts the transactions since then. End the session or the transaction, or drop the slot.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags transactions, vacuum
-- @warn rows > 0
SELECT holder, name, transactions_since, since, detail
  FROM (SELECT 'session' AS holder, 'pid ' || pid AS name, greatest(age(backend_xid), age(backend_xmin))::bigint AS transactions_since,
               xact_start AS since, concat_ws(', ', datname, usename, application_name, state) AS detail
          FROM pg_stat_activity
         WHERE backend_type <> 'walsender' AND application_name <> current_setting('application_name')
        UNION ALL
        SELECT 'prepared transaction', gid, age(transaction)::bigint, prepared, concat_ws(', ', database, owner)
          FROM pg_prepared_xacts
        UNION ALL
        SELECT 'slot', slot_name, greatest(age(xmin), age(catalog_xmin))::bigint, NULL,
               concat_ws(', ', slot_type, database, CASE WHEN active THEN 'active' ELSE 'inactive' END)
          FROM pg_replication_slots
        UNION ALL
        SELECT 'replica', application_name, age(backend_xmin)::bigint, NULL, host(client_addr)
          FROM pg_stat_replication) AS known
 WHERE transactions_since > :older_than
 ORDER BY transactions_since DESC, holder, name;

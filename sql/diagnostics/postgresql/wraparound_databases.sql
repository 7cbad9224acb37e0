-- name: wraparound_databases(percent: numeric = 40)
-- Databases that have used so many percent of the transaction ids, or multixact ids, before the server refuses writes.
-- Vacuum the tables of wraparound_tables in that database. Autovacuum does this by itself unless something holds it back:
-- see oldest_snapshots.
-- @requires pg>=13
-- @tags wraparound
-- @fail rows > 0
SELECT datname AS database, age(datfrozenxid)::bigint AS xid_age, round(100.0 * age(datfrozenxid) / 2147483647, 2) AS percent_xid,
       mxid_age(datminmxid)::bigint AS mxid_age, round(100.0 * mxid_age(datminmxid) / 2147483647, 2) AS percent_mxid,
       current_setting('autovacuum_freeze_max_age')::bigint AS freeze_max_age
  FROM pg_database
 WHERE 100.0 * greatest(age(datfrozenxid), mxid_age(datminmxid)) / 2147483647 >= :percent
 ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC, 1;

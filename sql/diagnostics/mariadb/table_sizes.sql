-- name: table_sizes
-- The largest tables of this database: rows (estimated), bytes of data and indexes, bytes that are free.
-- Many free bytes: see fragmented_tables. More index than data: see redundant_indexes and unused_indexes.
-- @requires mariadb>=10.5
-- @tags sizes
-- @timeout 2m
-- @expect rows >= 0
SELECT table_name AS `table`, engine, table_rows AS rows_estimated, data_length + index_length AS bytes, data_length AS data_bytes,
       index_length AS index_bytes, data_free AS free_bytes
  FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = DATABASE()
 ORDER BY bytes DESC, 1
 LIMIT 50;

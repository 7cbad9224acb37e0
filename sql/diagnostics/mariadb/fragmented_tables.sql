-- name: fragmented_tables(percent: decimal = 30, at_least: bigint = 104857600)
-- Tables of this database whose file has so many percent of free space.
-- OPTIMIZE TABLE rebuilds them: bulkq maintain optimize. Tables in the common tablespace are left out.
-- @requires mariadb>=10.5
-- @tags bloat
-- @timeout 2m
-- @warn rows > 0
SELECT table_name AS `table`, engine, data_free AS free_bytes, ROUND(100 * data_free / (data_length + index_length + data_free), 1) AS percent_free
  FROM information_schema.tables
 WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND data_free >= :at_least AND @@innodb_file_per_table = 1
   AND 100 * data_free / (data_length + index_length + data_free) >= :percent
 ORDER BY free_bytes DESC, 1;

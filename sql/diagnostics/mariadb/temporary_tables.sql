-- name: temporary_tables(percent: decimal = 25)
-- Temporary tables of which so many percent went to disk since the start.
-- Raise tmp_table_size and max_heap_table_size, or give the query an index.
-- @requires mariadb>=10.5
-- @tags cache
-- @warn rows > 0
SELECT known.created, known.on_disk, ROUND(100 * known.on_disk / known.created, 1) AS percent_on_disk
  FROM (SELECT MAX(IF(variable_name = 'CREATED_TMP_TABLES', variable_value + 0, 0)) AS created,
               MAX(IF(variable_name = 'CREATED_TMP_DISK_TABLES', variable_value + 0, 0)) AS on_disk
          FROM information_schema.global_status WHERE variable_name LIKE 'CREATED_TMP%') AS known
 WHERE known.created > 1000 AND 100 * known.on_disk / known.created >= :percent;

-- name: database_sizes
-- The databases by size, as far as the user may see their tables.
-- Compare it with last month to see which one grows; table_sizes has its tables.
-- @requires mariadb>=10.5
-- @tags sizes
-- @timeout 2m
-- @expect rows >= 0
SELECT table_schema AS `database`, COUNT(*) AS tables, SUM(data_length + index_length) AS bytes, SUM(data_length) AS data_bytes,
       SUM(index_length) AS index_bytes, SUM(data_free) AS free_bytes
  FROM information_schema.tables WHERE table_type = 'BASE TABLE'
 GROUP BY table_schema
 ORDER BY bytes DESC, 1;

-- name: no_primary_key
-- Tables of this database without a primary key.
-- Row-based replication reads the whole table for each row that changes. Add one.
-- @requires mariadb>=10.5
-- @tags schema, tables
-- @timeout 2m
-- @warn rows > 0
SELECT t.table_name AS `table`, t.engine, t.table_rows AS rows_estimated
  FROM information_schema.tables AS t
 WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'
   AND NOT EXISTS (SELECT 1 FROM information_schema.statistics AS s
                    WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.index_name = 'PRIMARY')
 ORDER BY 3 DESC, 1;

-- name: unused_indexes
-- Indexes of this database that no query has read since user statistics were turned on.
-- Let it count for some weeks, replicas too. Then ALTER TABLE ... DROP INDEX. Unique ones are left out.
-- @requires mariadb>=10.5, setting:userstat=ON, privilege:PROCESS
-- @tags indexes
-- @timeout 2m
-- @warn rows > 0
SELECT s.table_name AS `table`, s.index_name AS `index`, GROUP_CONCAT(s.column_name ORDER BY s.seq_in_index) AS columns
  FROM information_schema.statistics AS s
  LEFT JOIN information_schema.index_statistics AS u
    ON u.table_schema = s.table_schema AND u.table_name = s.table_name AND u.index_name = s.index_name
 WHERE s.table_schema = DATABASE() AND s.non_unique = 1 AND IFNULL(u.rows_read, 0) = 0
 GROUP BY s.table_name, s.index_name
 ORDER BY 1, 2;

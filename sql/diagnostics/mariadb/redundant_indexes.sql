-- name: redundant_indexes
-- Indexes of this database whose columns are the first columns of another index, or all of them.
-- The other one can do their work: ALTER TABLE ... DROP INDEX.
-- @requires mariadb>=10.5
-- @tags indexes
-- @timeout 2m
-- @warn rows > 0
SELECT a.table_name AS `table`, a.index_name AS `index`, a.columns, b.index_name AS covered_by, b.columns AS columns_there
  FROM (SELECT table_name, index_name, index_type, MIN(non_unique) AS non_unique,
               GROUP_CONCAT(CONCAT(column_name, IFNULL(CONCAT('(', sub_part, ')'), '')) ORDER BY seq_in_index) AS columns
          FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name, index_type) AS a
  JOIN (SELECT table_name, index_name, index_type, MIN(non_unique) AS non_unique,
               GROUP_CONCAT(CONCAT(column_name, IFNULL(CONCAT('(', sub_part, ')'), '')) ORDER BY seq_in_index) AS columns
          FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name, index_type) AS b
    ON b.table_name = a.table_name AND b.index_name <> a.index_name AND b.index_type = a.index_type
 WHERE a.non_unique = 1 AND (b.columns LIKE CONCAT(a.columns, ',%')
       OR b.columns = a.columns AND (b.non_unique = 0 OR b.index_name < a.index_name))
 ORDER BY 1, 2, 4;

-- name: redundant_indexes
-- Indexes of this database whose columns are the first columns of another index, or all of them.
-- The other one can do their work: ALTER TABLE ... DROP INDEX.
-- @requires mariadb>=10.5, mariadb<10.6
-- @tags indexes
-- @timeout 2m
-- @warn rows > 0
SELECT a.table_name AS `table`, a.index_name AS `index`, a.columns, b.index_name AS covered_by, b.columns AS columns_there
  FROM (SELECT table_name, index_name, index_type, MIN(non_unique) AS non_unique, 1 AS used,
               GROUP_CONCAT(CONCAT(column_name, IFNULL(CONCAT('(', sub_part, ')'), ''), IF(collation = 'D', ' desc', '')) ORDER BY seq_in_index) AS columns
          FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name, index_type) AS a
  JOIN (SELECT table_name, index_name, index_type, MIN(non_unique) AS non_unique, 1 AS used,
               GROUP_CONCAT(CONCAT(column_name, IFNULL(CONCAT('(', sub_part, ')'), ''), IF(collation = 'D', ' desc', '')) ORDER BY seq_in_index) AS columns
          FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name, index_type) AS b
    ON b.table_name = a.table_name AND b.index_name <> a.index_name AND b.index_type = a.index_type AND b.used
 WHERE a.non_unique = 1
   AND (a.index_type = 'BTREE' AND LEFT(b.columns, CHAR_LENGTH(a.columns) + 1) = CONCAT(a.columns, ',')
        OR b.columns = a.columns AND (b.non_unique = 0 OR b.index_name < a.index_name OR NOT a.used))
 ORDER BY 1, 2, 4;

-- name: redundant_indexes
-- Indexes of this database whose columns are the first columns of another index, or all of them.
-- The other one can do their work: ALTER TABLE ... DROP INDEX.
-- @requires mariadb>=10.6
-- @tags indexes
-- @timeout 2m
-- @warn rows > 0
SELECT a.table_name AS `table`, a.index_name AS `index`, a.columns, b.index_name AS covered_by, b.columns AS columns_there
  FROM (SELECT table_name, index_name, index_type, MIN(non_unique) AS non_unique, MIN(ignored = 'NO') AS used,
               GROUP_CONCAT(CONCAT(column_name, IFNULL(CONCAT('(', sub_part, ')'), ''), IF(collation = 'D', ' desc', '')) ORDER BY seq_in_index) AS columns
          FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name, index_type) AS a
  JOIN (SELECT table_name, index_name, index_type, MIN(non_unique) AS non_unique, MIN(ignored = 'NO') AS used,
               GROUP_CONCAT(CONCAT(column_name, IFNULL(CONCAT('(', sub_part, ')'), ''), IF(collation = 'D', ' desc', '')) ORDER BY seq_in_index) AS columns
          FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name, index_type) AS b
    ON b.table_name = a.table_name AND b.index_name <> a.index_name AND b.index_type = a.index_type AND b.used
 WHERE a.non_unique = 1
   AND (a.index_type = 'BTREE' AND LEFT(b.columns, CHAR_LENGTH(a.columns) + 1) = CONCAT(a.columns, ',')
        OR b.columns = a.columns AND (b.non_unique = 0 OR b.index_name < a.index_name OR NOT a.used))
 ORDER BY 1, 2, 4;

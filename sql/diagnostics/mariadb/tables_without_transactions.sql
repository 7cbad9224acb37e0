-- name: tables_without_transactions
-- Tables of this database whose engine has no transactions.
-- A crash or an error in the middle of a statement leaves half of it. ALTER TABLE ... ENGINE=InnoDB.
-- @requires mariadb>=10.5
-- @tags schema, tables
-- @timeout 2m
-- @warn rows > 0
SELECT t.table_name AS `table`, t.engine, t.table_rows AS rows_estimated
  FROM information_schema.tables AS t JOIN information_schema.engines AS e ON e.engine = t.engine
 WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND e.transactions = 'NO'
 ORDER BY 3 DESC, 1;

-- name: no_primary_key
-- Tables without a primary key of their own.
-- Their rows can be told apart by the rowid only, which VACUUM may change.
-- @requires sqlite>=3.16
-- @tags schema, tables
-- @warn rows > 0
SELECT t.name AS "table"
  FROM sqlite_master AS t
 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND t.sql NOT LIKE 'create virtual table%'
   AND NOT EXISTS (SELECT 1 FROM pragma_table_info(t.name) AS c WHERE c.pk > 0)
 ORDER BY 1;

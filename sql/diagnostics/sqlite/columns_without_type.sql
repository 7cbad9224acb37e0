-- name: columns_without_type
-- Columns whose declared type is none or unknown to SQLite, so that numbers in text stay text.
-- Declare INTEGER, REAL, TEXT or BLOB, or make the table STRICT.
-- @requires sqlite>=3.16
-- @tags schema
-- @expect rows >= 0
SELECT t.name AS "table", c.name AS "column", c.type
  FROM sqlite_master AS t, pragma_table_info(t.name) AS c
 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND t.sql NOT LIKE 'create virtual table%'
   AND upper(c.type) NOT LIKE '%INT%' AND upper(c.type) NOT LIKE '%CHAR%' AND upper(c.type) NOT LIKE '%CLOB%' AND upper(c.type) NOT LIKE '%TEXT%'
   AND upper(c.type) NOT LIKE '%REAL%' AND upper(c.type) NOT LIKE '%FLOA%' AND upper(c.type) NOT LIKE '%DOUB%' AND upper(c.type) <> 'BLOB'
 ORDER BY 1, c.cid;

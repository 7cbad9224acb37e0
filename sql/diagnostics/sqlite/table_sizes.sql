-- name: table_sizes(most: integer = 30)
-- The largest tables and indexes: pages, bytes, and the share of each page that is unused.
-- An index larger than its table may be redundant: see redundant_indexes.
-- @requires sqlite>=3.31, extension:dbstat
-- @tags sizes
-- @timeout 1m
-- @expect rows >= 0
SELECT d.name, m.type, m.tbl_name AS "table", d.pageno AS pages, d.pgsize AS bytes, d.ncell AS cells,
       round(100.0 * d.unused / d.pgsize, 1) AS percent_unused
  FROM dbstat AS d LEFT JOIN sqlite_master AS m ON m.name = d.name
 WHERE d.aggregate = 1
 ORDER BY d.pgsize DESC, d.name
 LIMIT CAST(:most AS integer);

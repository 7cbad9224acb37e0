-- name: without_statistics
-- Indexes of which the planner has no statistics. An index without rows never has any.
-- ANALYZE, or PRAGMA optimize at the end of each connection: bulkq maintain analyze.
-- @requires sqlite>=3.16, table:sqlite_stat1
-- @tags planner, indexes
-- @warn rows > 0
SELECT t.name AS "table", i.name AS "index"
  FROM sqlite_master AS t, pragma_index_list(t.name) AS i
 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
   AND NOT EXISTS (SELECT 1 FROM sqlite_stat1 AS s WHERE s.tbl = t.name AND s.idx = i.name)
 ORDER BY 1, 2;

-- name: duplicate_indexes
-- Indexes with the same columns on one table.
-- Keep one: DROP INDEX the others. Indexes on expressions are left out.
-- @requires sqlite>=3.16
-- @tags indexes
-- @warn rows > 0
SELECT "table", columns, group_concat(name, ', ') AS indexes, count(*) AS copies
  FROM (SELECT t.name AS "table", i.name, i.partial,
               (SELECT group_concat(c.name || ' ' || c.coll || CASE c."desc" WHEN 1 THEN ' DESC' ELSE '' END, ', ')
                  FROM (SELECT * FROM pragma_index_xinfo(i.name) WHERE key = 1 ORDER BY seqno) AS c) AS columns,
               (SELECT count(*) FROM pragma_index_xinfo(i.name) AS c WHERE c.key = 1 AND c.name IS NULL) AS expressions
          FROM sqlite_master AS t, pragma_index_list(t.name) AS i WHERE t.type = 'table') AS known
 WHERE expressions = 0 AND partial = 0
 GROUP BY "table", columns
HAVING count(*) > 1
 ORDER BY 1, 2;

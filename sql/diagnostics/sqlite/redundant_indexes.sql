-- name: redundant_indexes
-- Indexes whose columns are the first columns of another index, which can do their work.
-- DROP INDEX the shorter one.
-- @requires sqlite>=3.16
-- @tags indexes
-- @warn rows > 0
WITH known AS (
    SELECT t.name AS "table", i.name, i."unique" AS is_unique,
           (SELECT group_concat(coalesce(c.name, '(expression)') || ' ' || c.coll || ' ' || c."desc", ', ')
              FROM (SELECT * FROM pragma_index_xinfo(i.name) WHERE key = 1 ORDER BY seqno) AS c) || ', ' AS columns,
           (SELECT count(*) FROM pragma_index_xinfo(i.name) AS c WHERE c.key = 1 AND c.name IS NULL) AS expressions
      FROM sqlite_master AS t, pragma_index_list(t.name) AS i WHERE t.type = 'table' AND i.partial = 0
)
SELECT a."table", a.name AS "index", b.name AS covered_by
  FROM known AS a JOIN known AS b ON b."table" = a."table" AND b.name <> a.name
 WHERE a.is_unique = 0 AND a.expressions = 0
   AND length(b.columns) > length(a.columns) AND substr(b.columns, 1, length(a.columns)) = a.columns
 ORDER BY 1, 2, 3;

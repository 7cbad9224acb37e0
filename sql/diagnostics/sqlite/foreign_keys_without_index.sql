-- name: foreign_keys_without_index
-- Foreign keys whose first column no index begins with.
-- Each DELETE of a parent row reads the whole child table. CREATE INDEX on the columns of the key.
-- @requires sqlite>=3.16
-- @tags indexes, schema
-- @warn rows > 0
SELECT t.name AS "table", k.id AS foreign_key, group_concat(k."from", ', ') AS columns, k."table" AS parent
  FROM sqlite_master AS t, pragma_foreign_key_list(t.name) AS k
 WHERE t.type = 'table'
   AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c
                    WHERE i.partial = 0 AND c.seqno = 0
                      AND c.name IN (SELECT f."from" FROM pragma_foreign_key_list(t.name) AS f WHERE f.id = k.id))
   AND NOT EXISTS (SELECT 1 FROM pragma_table_info(t.name) AS p
                    WHERE p.pk = 1 AND p.name IN (SELECT f."from" FROM pragma_foreign_key_list(t.name) AS f WHERE f.id = k.id))
 GROUP BY t.name, k.id, k."table"
 ORDER BY 1, 2;

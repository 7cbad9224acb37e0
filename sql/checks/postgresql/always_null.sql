-- name: always_null(schema: text = 'public', least_rows: bigint = 1)
-- Columns that hold NULL in every row of a table with at least so many rows: nobody writes them, or something has stopped.
-- Reads every table of the schemas once; schemas are chosen by a LIKE pattern. A table of which row-level security hides
-- rows from the role is an error: nobody can tell.
-- (ts_stat is PostgreSQL's own function that runs a query given as text; XML functions are missing from some builds.)
-- @tags schema
-- @timeout 30m
-- @warn rows > 0
WITH every_row AS MATERIALIZED (SELECT set_config('row_security', 'off', true) AS said)
SELECT found."table", a.attname::text AS "column", found.rows
  FROM (SELECT t.oid, t.oid::regclass::text AS "table", counted.words,
               (SELECT substr(word, 7)::bigint FROM unnest(counted.words) AS word WHERE word LIKE 'total=%') AS rows
          FROM every_row, pg_catalog.pg_class AS t
          JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace
         CROSS JOIN LATERAL (
               SELECT array_agg(word) AS words
                 FROM ts_stat((SELECT format('SELECT array_to_tsvector(ARRAY[''total='' || count(*)%s]) FROM %s%s',
                                  string_agg(format(', ''%s='' || count(%I)', c.attnum, c.attname), ''),
                                  t.oid::regclass, left(every_row.said, 0))
                                 FROM pg_catalog.pg_attribute AS c
                                WHERE c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped))) AS counted
         WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.relpersistence <> 't' AND s.nspname LIKE coalesce(:schema, '')
           AND s.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')) AS found
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = found.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE (SELECT CASE WHEN count(*) > 0 THEN 1 ELSE quote_ident(coalesce(:schema, 'NULL'))::regnamespace::oid::bigint END
          FROM pg_catalog.pg_namespace WHERE nspname LIKE coalesce(:schema, '')) = 1
   AND found.rows >= :least_rows AND a.attnum || '=0' = ANY (found.words)
 ORDER BY 1, a.attnum;

-- name: duplicates(schema: text = '%')
-- Keys that occur twice although a primary key or unique index declares them unique: the index is corrupt, most often
-- because the operating system's collations changed under it. REINDEX fails until the duplicates are gone.
-- The tables are read without their indexes. Partial and expression indexes are left out. A table of which row-level
-- security hides rows from the role is an error: nobody can tell.
-- (ts_stat is PostgreSQL's own function that runs a query given as text; XML functions are missing from some builds.)
-- @tags schema, corruption
-- @timeout 30m
WITH without_indexes AS MATERIALIZED (
    SELECT concat(set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true),
                  set_config('enable_bitmapscan', 'off', true), set_config('row_security', 'off', true)) AS said
)
SELECT "table", index, key, duplicates
  FROM (SELECT i.indrelid::regclass::text AS "table", i.indexrelid::regclass::text AS index, k.key,
               (SELECT word::bigint FROM ts_stat(format(
                   'SELECT array_to_tsvector(ARRAY[count(*)::text])
                      FROM (SELECT FROM %s WHERE %s GROUP BY %s HAVING count(*) > 1) AS twice%s',
                   i.indrelid::regclass, k.present, k.key, left(without_indexes.said, 0)))) AS duplicates
          FROM without_indexes, pg_catalog.pg_index AS i
          JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid AND t.relkind IN ('r', 'm') AND t.relpersistence <> 't'
          JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace
         CROSS JOIN LATERAL (
               SELECT string_agg(format('%I', a.attname), ', ' ORDER BY p.place) AS key,
                      string_agg(format('%I IS NOT NULL', a.attname), ' AND ' ORDER BY p.place) AS present
                 FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS p(number, place)
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = p.number
                WHERE p.place <= i.indnkeyatts) AS k
         WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
           AND s.nspname LIKE coalesce(:schema, '') AND s.nspname <> 'pg_toast'
           AND s.nspname <> 'information_schema' AND s.nspname <> 'pg_catalog') AS found
 WHERE (SELECT CASE WHEN count(*) > 0 THEN 1 ELSE quote_ident(coalesce(:schema, 'NULL'))::regnamespace::oid::bigint END
          FROM pg_catalog.pg_namespace WHERE nspname LIKE coalesce(:schema, '')) = 1
   AND duplicates > 0
 ORDER BY duplicates DESC, "table", index;

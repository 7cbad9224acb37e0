-- name: invalid_indexes(schema: text = '%')
-- Indexes that no query uses and every write pays for: what a CREATE INDEX or REINDEX CONCURRENTLY that failed has left.
-- One that is being built at this moment is left out. Remedy: DROP INDEX CONCURRENTLY, or REINDEX INDEX CONCURRENTLY.
-- @tags schema, indexes
SELECT i.indexrelid::regclass::text AS index, i.indrelid::regclass::text AS "table",
       concat_ws(', ', CASE WHEN NOT i.indisvalid THEN 'not valid' END, CASE WHEN NOT i.indisready THEN 'not ready' END,
                 CASE WHEN NOT i.indislive THEN 'being dropped' END) AS state,
       pg_size_pretty(pg_relation_size(i.indexrelid)) AS size
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
  JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace
 WHERE (SELECT CASE WHEN count(*) > 0 THEN 1 ELSE quote_ident(coalesce(:schema, 'NULL'))::regnamespace::oid::bigint END
          FROM pg_catalog.pg_namespace WHERE nspname LIKE coalesce(:schema, '')) = 1
   AND NOT (i.indisvalid AND i.indisready AND i.indislive) AND s.nspname LIKE coalesce(:schema, '')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS b WHERE b.index_relid = i.indexrelid)
 ORDER BY 1;

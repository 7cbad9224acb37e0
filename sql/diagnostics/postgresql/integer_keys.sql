-- name: integer_keys(percent: numeric = 70)
-- Primary keys of type integer or smallint whose largest sampled value has used so many percent of the type.
-- From the statistics of ANALYZE, so it also sees keys without a sequence. Change the column to bigint before it is full. A
-- key without statistics that the role may see is listed with NULL.
-- @requires pg>=13
-- @tags capacity
-- @warn rows > 0
SELECT "table", "column", type, largest, round(100.0 * largest / most, 1) AS percent_used
  FROM (SELECT c.oid::regclass::text AS "table", a.attname AS "column", format_type(a.atttypid, NULL) AS type,
               CASE coalesce(nullif(y.typbasetype, 0), y.oid) WHEN 'int2'::regtype THEN 32767 ELSE 2147483647 END AS most, c.reltuples,
               (SELECT max(v.value::bigint) FROM pg_stats AS s
                 CROSS JOIN LATERAL unnest(s.histogram_bounds::text::text[] || s.most_common_vals::text::text[]) AS v (value)
                 WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname) AS largest
          FROM pg_index AS i
          JOIN pg_class AS c ON c.oid = i.indrelid
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
          JOIN pg_type AS y ON y.oid = a.atttypid
         WHERE i.indisprimary AND coalesce(nullif(y.typbasetype, 0), y.oid) IN ('int2'::regtype, 'int4'::regtype) AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp') AS known
 WHERE largest IS NULL AND reltuples > 1000 OR 100.0 * largest / most >= :percent
 ORDER BY percent_used DESC NULLS LAST, 1, 2;

-- name: orphans(schema: text = '%')
-- Rows without a parent, for every foreign key that was added NOT VALID and never validated.
-- A key without such rows can be validated: ALTER TABLE ... VALIDATE CONSTRAINT ...
-- Schemas are chosen by a LIKE pattern. Reads every table concerned once; one of which row-level security hides rows from the
-- role is an error: nobody can tell. Of a MATCH FULL key that is half NULL the row is an orphan too.
-- (ts_stat is PostgreSQL's own function that runs a query given as text; XML functions are missing from some builds.)
-- @tags schema, foreign-keys
-- @timeout 10m
WITH every_row AS MATERIALIZED (SELECT set_config('row_security', 'off', true) AS said)
SELECT child AS "table", name AS foreign_key, parent, orphans
  FROM (SELECT c.conrelid::regclass::text AS child, c.conname::text AS name, c.confrelid::regclass::text AS parent,
               (SELECT word::bigint FROM ts_stat(format(
                   'SELECT array_to_tsvector(ARRAY[count(*)::text]) FROM %s AS child WHERE (%s)
                       AND NOT EXISTS (SELECT FROM %s AS parent WHERE %s)%s',
                   c.conrelid::regclass, k.present, c.confrelid::regclass, k.matching, left(every_row.said, 0)))) AS orphans
          FROM every_row, pg_catalog.pg_constraint AS c
          JOIN pg_catalog.pg_class AS t ON t.oid = c.conrelid
          JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace
         CROSS JOIN LATERAL (
               SELECT string_agg(format('child.%I IS NOT NULL', a.attname),
                                 CASE c.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END) AS present,
                      string_agg(format('parent.%I = child.%I', b.attname, a.attname), ' AND ') AS matching
                 FROM unnest(c.conkey, c.confkey) AS pair(here, there)
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = pair.here
                 JOIN pg_catalog.pg_attribute AS b ON b.attrelid = c.confrelid AND b.attnum = pair.there) AS k
         WHERE c.contype = 'f' AND NOT c.convalidated AND t.relpersistence <> 't' AND s.nspname LIKE coalesce(:schema, '')) AS found
 WHERE (SELECT CASE WHEN count(*) > 0 THEN 1 ELSE quote_ident(coalesce(:schema, 'NULL'))::regnamespace::oid::bigint END
          FROM pg_catalog.pg_namespace WHERE nspname LIKE coalesce(:schema, '')) = 1
   AND orphans > 0
 ORDER BY orphans DESC, child, name;

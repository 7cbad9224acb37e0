-- name: future(schema: text = 'public', tolerance: interval = '1 day', planned: text = 'until|expir|next|schedul|deadline|renew(s|al)|(^|_)(due|ends?|valid)(_|$|date|time|(at|on|by|to|from)(_|$))')
-- Dates and times that lie in the future where they should not: wrong clocks, wrong time zones, wrong centuries.
-- Columns whose names say that they look ahead are left out, by the regular expression :planned. "infinity" is no moment.
-- A table of which row-level security hides rows from the role is an error: nobody can tell.
-- (ts_stat is PostgreSQL's own function that runs a query given as text; XML functions are missing from some builds.)
-- @tags schema
-- @timeout 30m
WITH every_row AS MATERIALIZED (SELECT set_config('row_security', 'off', true) AS said)
SELECT "table", "column", rows::bigint, latest
  FROM (SELECT t.oid::regclass::text AS "table", a.attname::text AS "column",
               counted.rows, counted.latest
          FROM every_row, pg_catalog.pg_class AS t
          JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
         CROSS JOIN LATERAL (
               SELECT max(substr(word, 6)) FILTER (WHERE word LIKE 'rows=%') AS rows,
                      max(substr(word, 8)) FILTER (WHERE word LIKE 'latest=%') AS latest
                 FROM ts_stat(format(
                   'SELECT array_to_tsvector(ARRAY[''rows='' || count(*), ''latest='' || coalesce(max(%1$I)::text, '''')])
                      FROM %2$s WHERE %1$I > now() + %3$L::interval AND isfinite(%1$I)%4$s',
                   a.attname, t.oid::regclass, :tolerance, left(every_row.said, 0)))) AS counted
         WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.relpersistence <> 't' AND s.nspname LIKE coalesce(:schema, '')
           AND s.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
           AND coalesce(nullif(y.typbasetype, 0), y.oid) IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
           AND a.attname !~* :planned) AS found
 WHERE (SELECT CASE WHEN count(*) > 0 THEN 1 ELSE quote_ident(coalesce(:schema, 'NULL'))::regnamespace::oid::bigint END
          FROM pg_catalog.pg_namespace WHERE nspname LIKE coalesce(:schema, '')) = 1
   AND rows::bigint > 0
 ORDER BY 1, 2;

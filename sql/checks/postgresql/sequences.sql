-- name: sequences(percent: numeric = 80, schema: text = '%')
-- Sequences that have used more than so many percent of their numbers, or of what the column that owns them can hold:
-- a bigint sequence ends at 2,147,483,647 where its column is an integer. Cycling ones are left out.
-- Counted from the end of the range at which a sequence begins: descending ones count down from their greatest number.
-- Each is read, because pg_sequences shows NULL where a role may not; schemas are chosen by a LIKE pattern.
-- (ts_stat is PostgreSQL's own function that runs a query given as text; XML functions are missing from some builds.)
-- @tags schema, capacity
-- @warn rows > 0
SELECT sequence, owner, last_value, last_possible, round(100.0 * used / possible, 1) AS percent_used
  FROM (SELECT sequence, owner, last_value, last_possible, abs(last_value::numeric - first) + 1 AS used,
               greatest(CASE WHEN rises THEN last_possible::numeric - first ELSE first - last_possible::numeric END + 1, 1) AS possible
          FROM (SELECT c.oid::regclass::text AS sequence, o.owner, s.seqincrement > 0 AS rises,
                       CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END::numeric AS first,
                       CASE WHEN s.seqincrement > 0 THEN least(s.seqmax, o.most) ELSE greatest(s.seqmin, -o.most - 1) END AS last_possible,
                       (SELECT word::bigint FROM ts_stat(format(
                           'SELECT array_to_tsvector(ARRAY[last_value::text]) FROM %s WHERE is_called', c.oid::regclass))) AS last_value
                  FROM pg_catalog.pg_sequence AS s
                  JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid AND c.relpersistence <> 't'
                  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                  LEFT JOIN LATERAL (
                       SELECT format('%s.%I', d.refobjid::regclass, a.attname) AS owner,
                              CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 END AS most
                         FROM pg_catalog.pg_depend AS d
                         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                          AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) AS o ON true
                 WHERE NOT s.seqcycle AND n.nspname LIKE coalesce(:schema, '')) AS known) AS found
 WHERE (SELECT CASE WHEN count(*) > 0 THEN 1 ELSE quote_ident(coalesce(:schema, 'NULL'))::regnamespace::oid::bigint END
          FROM pg_catalog.pg_namespace WHERE nspname LIKE coalesce(:schema, '')) = 1
   AND 100.0 * used / possible >= :percent
 ORDER BY percent_used DESC, sequence;

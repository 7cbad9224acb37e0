-- name: sequences(percent: numeric = 80)
-- Sequences that have used more than so many percent of their numbers, or of what the column that owns them can hold:
-- a bigint sequence ends at 2,147,483,647 where its column is an integer. Cycling ones are left out.
-- @tags schema, capacity
-- @warn rows > 0
SELECT s.schemaname || '.' || s.sequencename AS sequence, o.owner, s.last_value,
       least(s.max_value, o.most) AS last_possible,
       round(100.0 * s.last_value / least(s.max_value, o.most), 1) AS percent_used
  FROM pg_catalog.pg_sequences AS s
  LEFT JOIN LATERAL (
       SELECT format('%s.%I', d.refobjid::regclass, a.attname) AS owner,
              CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 END AS most
         FROM pg_catalog.pg_depend AS d
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = format('%I.%I', s.schemaname, s.sequencename)::regclass
          AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) AS o ON true
 WHERE NOT s.cycle AND s.increment_by > 0
   AND 100.0 * s.last_value / least(s.max_value, o.most) >= :percent
 ORDER BY percent_used DESC, sequence;

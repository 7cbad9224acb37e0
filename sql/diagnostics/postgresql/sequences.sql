-- name: sequences(percent: numeric = 70)
-- Sequences that have used so many percent of their numbers, or of those that their column can hold.
-- At 100 % every INSERT fails. ALTER SEQUENCE ... AS bigint, and the column ALTER TYPE bigint (or a new column, see bulkq backfill).
-- A sequence that the role may not read is listed with NULL. "owner" has the columns that take their numbers from it.
-- @requires pg>=13
-- @tags capacity
-- @warn rows > 0
SELECT sequence, owner, last_value, last_possible, round(percent_used, 1) AS percent_used
  FROM (SELECT c.oid::regclass::text AS sequence, o.owner, v.last_value, l.last_possible, s.seqcycle,
               100.0 * (abs(v.last_value::numeric - CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END) + 1)
               / greatest(abs(l.last_possible::numeric - CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END) + 1, 1) AS percent_used,
               has_sequence_privilege(c.oid, 'USAGE, SELECT') AS readable
          FROM pg_sequence AS s
          JOIN pg_class AS c ON c.oid = s.seqrelid AND (c.relpersistence = 'p' OR c.relpersistence = 'u' AND NOT pg_is_in_recovery())
          LEFT JOIN LATERAL (
               SELECT string_agg(format('%s.%I', a.attrelid::regclass, a.attname), ', ' ORDER BY a.attrelid, a.attnum)
                      FILTER (WHERE NOT r.relispartition) AS owner,
                      min(CASE coalesce(nullif(y.typbasetype, 0), y.oid) WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 END) AS most
                 FROM (SELECT d.refobjid AS relation, d.refobjsubid AS number FROM pg_depend AS d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
                       UNION
                       SELECT v.adrelid, v.adnum FROM pg_depend AS d JOIN pg_attrdef AS v ON v.oid = d.objid
                        WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid) AS f
                 JOIN pg_attribute AS a ON a.attrelid = f.relation AND a.attnum = f.number
                 JOIN pg_class AS r ON r.oid = a.attrelid JOIN pg_type AS y ON y.oid = a.atttypid) AS o ON true
         CROSS JOIN LATERAL (SELECT CASE WHEN has_sequence_privilege(c.oid, 'USAGE, SELECT') THEN pg_sequence_last_value(c.oid) END AS last_value) AS v
         CROSS JOIN LATERAL (SELECT CASE WHEN s.seqincrement > 0 THEN least(s.seqmax, o.most)
                                         ELSE greatest(s.seqmin, -o.most - 1) END AS last_possible) AS l) AS known
 WHERE NOT readable OR NOT seqcycle AND percent_used >= :percent
 ORDER BY percent_used DESC NULLS LAST, sequence;

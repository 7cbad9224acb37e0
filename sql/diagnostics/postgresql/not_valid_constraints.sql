-- name: not_valid_constraints
-- Constraints that were added NOT VALID: rows of before were never looked at.
-- ALTER TABLE (or DOMAIN) ... VALIDATE CONSTRAINT reads the table and stops no writes. The planner does not use them until then.
-- @requires pg>=13
-- @tags schema
-- @warn rows > 0
SELECT CASE WHEN k.conrelid <> 0 THEN k.conrelid::regclass::text END AS "table", nullif(k.contypid, 0)::regtype::text AS domain, k.conname AS constraint_name,
       CASE k.contype WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check' WHEN 'n' THEN 'not null' ELSE k.contype::text END AS type,
       pg_get_constraintdef(k.oid) AS definition
  FROM pg_constraint AS k
 WHERE NOT k.convalidated AND to_jsonb(k) ->> 'conenforced' IS DISTINCT FROM 'false'
 ORDER BY 1, 2, 3;

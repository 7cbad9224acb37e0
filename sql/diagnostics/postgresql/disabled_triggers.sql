-- name: disabled_triggers
-- Triggers that do not fire, those of foreign keys with them.
-- A bulk load may have left them so. ALTER TABLE ... ENABLE TRIGGER; rows of meanwhile were not checked.
-- @requires pg>=13
-- @tags schema
-- @warn rows > 0
SELECT t.tgrelid::regclass::text AS "table", t.tgname AS trigger, t.tgisinternal AS of_a_constraint, p.proname AS function
  FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
 WHERE t.tgenabled = 'D'
 ORDER BY 1, 2;

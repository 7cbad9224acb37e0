-- name: autovacuum_settings
-- Tables with settings of their own for autovacuum, statistics or storage.
-- A table with autovacuum_enabled=false is vacuumed only against wraparound: see that another job does it.
-- @requires pg>=13
-- @tags vacuum, settings
-- @expect rows >= 0
SELECT c.oid::regclass::text AS "table", o.option_name AS setting, o.option_value AS value,
       s.setting AS server_value, CASE WHEN t.oid IS NOT NULL THEN t.oid::regclass::text END AS toast_of
  FROM pg_class AS c
 CROSS JOIN LATERAL pg_options_to_table(c.reloptions) AS o
  LEFT JOIN pg_settings AS s ON s.name = o.option_name
  LEFT JOIN pg_class AS t ON t.reltoastrelid = c.oid
 WHERE c.relkind IN ('r', 'm', 't', 'p')
 ORDER BY 1, 2;

-- name: connections
-- Connections by user, host, database and command.
-- Many that sleep: use a pool, or lower wait_timeout.
-- @requires mariadb>=10.5, privilege:PROCESS
-- @tags activity
-- @expect rows >= 0
SELECT p.user, REGEXP_REPLACE(p.host, ':[0-9]+$', '') AS client, p.db AS `database`, p.command, COUNT(*) AS connections, MAX(p.time) AS longest_s
  FROM information_schema.processlist AS p
 GROUP BY p.user, REGEXP_REPLACE(p.host, ':[0-9]+$', ''), p.db, p.command
 ORDER BY connections DESC, 1, 2, 3, 4;

-- name: activity
-- What the sessions do at this moment, the longest statement first.
-- KILL QUERY id ends a statement, KILL id its session.
-- @requires mariadb>=10.5, privilege:PROCESS
-- @tags activity
-- @expect rows >= 0
SELECT p.id, p.user, p.host, p.db AS `database`, p.command, p.state, ROUND(p.time_ms / 1000, 1) AS seconds, LEFT(p.info, 200) AS query
  FROM information_schema.processlist AS p
 WHERE p.command NOT IN ('Sleep', 'Daemon', 'Binlog Dump') AND p.id <> CONNECTION_ID()
 ORDER BY p.time_ms DESC
 LIMIT 50;

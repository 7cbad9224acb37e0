-- name: connection_slots(percent: decimal = 80)
-- Connections of which so many percent are in use, or have been since the start.
-- At 100 % new connections are refused: close idle ones, use a pool, or raise max_connections.
-- @requires mariadb>=10.5
-- @tags activity
-- @warn rows > 0
SELECT s.what, s.used, @@max_connections AS `limit`, ROUND(100 * s.used / @@max_connections, 1) AS percent_used
  FROM (SELECT 'now' AS what, CAST(variable_value AS unsigned) AS used FROM information_schema.global_status WHERE variable_name = 'THREADS_CONNECTED'
        UNION ALL
        SELECT 'most since the start', CAST(variable_value AS unsigned) FROM information_schema.global_status
         WHERE variable_name = 'MAX_USED_CONNECTIONS') AS s
 WHERE 100 * s.used / @@max_connections >= :percent;

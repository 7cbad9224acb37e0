-- name: connection_slots(percent: numeric = 80)
-- Limits of connections (server, database, role) of which so many percent are in use.
-- At 100 % new connections are refused. Close idle ones, use a pooler, or raise the limit.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags activity
-- @warn rows > 0
SELECT scope, used, "limit", round(100.0 * used / "limit", 1) AS percent_used
  FROM (SELECT 'server' AS scope, count(*) AS used,
               current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS "limit"
          FROM pg_stat_activity WHERE backend_type = 'client backend'
        UNION ALL
        SELECT 'database ' || d.datname, count(a.pid), d.datconnlimit
          FROM pg_database AS d LEFT JOIN pg_stat_activity AS a ON a.datid = d.oid
         WHERE d.datconnlimit > 0 GROUP BY d.datname, d.datconnlimit
        UNION ALL
        SELECT 'role ' || r.rolname, count(a.pid), r.rolconnlimit
          FROM pg_roles AS r LEFT JOIN pg_stat_activity AS a ON a.usesysid = r.oid
         WHERE r.rolconnlimit > 0 GROUP BY r.rolname, r.rolconnlimit) AS known
 WHERE 100.0 * used / "limit" >= :percent
 ORDER BY percent_used DESC, scope;

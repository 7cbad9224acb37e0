-- name: unencrypted_connections
-- Sessions over the network without TLS.
-- Use hostssl in pg_hba.conf, and sslmode=verify-full in the clients.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags roles, activity
-- @warn rows > 0
SELECT a.usename AS "user", a.datname AS database, a.application_name AS application, host(a.client_addr) AS client, count(*) AS sessions
  FROM pg_stat_activity AS a JOIN pg_stat_ssl AS s ON s.pid = a.pid
 WHERE NOT s.ssl AND a.client_addr IS NOT NULL AND NOT a.client_addr <<= '127.0.0.0/8'::inet AND a.client_addr <> '::1'::inet
   AND a.backend_type IN ('client backend', 'walsender')
 GROUP BY 1, 2, 3, 4
 ORDER BY sessions DESC, 1, 2, 3, 4;

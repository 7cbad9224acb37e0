-- name: database_sizes
-- The databases of the server by size. NULL: the role may neither connect there nor read statistics.
-- Compare it with last month to see which one grows; table_sizes has its tables.
-- @requires pg>=13
-- @tags sizes
-- @timeout 1m
-- @expect rows >= 0
SELECT datname AS database, pg_size_pretty(bytes) AS size, bytes, connections
  FROM (SELECT d.datname, s.numbackends AS connections,
               CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
                    THEN pg_database_size(d.oid) END AS bytes
          FROM pg_database AS d LEFT JOIN pg_stat_database AS s ON s.datid = d.oid) AS known
 ORDER BY bytes DESC NULLS LAST, database;

-- name: locks
-- Locks on tables and indexes of this database, by mode, granted and waiting.
-- AccessExclusiveLock stops even reads; ShareLock and stronger stop writes.
-- @requires pg>=13
-- @tags locks
-- @expect rows >= 0
SELECT l.relation::regclass::text AS relation, l.mode, count(*) FILTER (WHERE l.granted) AS granted,
       count(*) FILTER (WHERE NOT l.granted) AS waiting, string_agg(DISTINCT l.pid::text, ', ') AS pids
  FROM pg_locks AS l
  JOIN pg_class AS c ON c.oid = l.relation
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.pid <> pg_backend_pid() AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
 GROUP BY l.relation, l.mode
 ORDER BY waiting DESC, granted DESC, relation, l.mode;

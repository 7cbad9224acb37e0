-- name: durability
-- Settings with which committed data, or the whole cluster, can be lost: fsync, full_page_writes, autovacuum, data checksums.
-- Turn them on again. Checksums: pg_checksums --enable while the server is stopped.
-- @requires pg>=13
-- @tags settings
-- @warn rows > 0
SELECT s.name AS setting, s.setting AS value, k.risk
  FROM (VALUES ('fsync', 'a crash of the machine may destroy the cluster'),
               ('full_page_writes', 'a crash of the machine may leave torn pages'),
               ('synchronous_commit', 'the last commits are lost in a crash'),
               ('autovacuum', 'tables grow, and the server stops at transaction id wraparound'),
               ('track_counts', 'autovacuum does not see which tables need it'),
               ('data_checksums', 'damaged pages are not noticed')) AS k (name, risk)
  JOIN pg_settings AS s ON s.name = k.name
 WHERE s.setting = 'off'
 ORDER BY 1;

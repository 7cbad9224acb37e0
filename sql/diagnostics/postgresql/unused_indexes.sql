-- name: unused_indexes(at_least: bigint = 1048576, fewer_than: bigint = 1)
-- Indexes that no query has used since the statistics were reset, which every write pays for.
-- Look at the replicas and at "since" first: they have statistics of their own. Then DROP INDEX CONCURRENTLY. Indexes of
-- constraints and unique ones are left out.
-- @requires pg>=13, pg<16
-- @tags indexes
-- @timeout 1m
-- @warn rows > 0
SELECT s.indexrelid::regclass::text AS index, s.relid::regclass::text AS "table", s.idx_scan AS scans, NULL::timestamptz AS last_scan,
       pg_size_pretty(c.relpages::bigint * current_setting('block_size')::bigint) AS size,
       c.relpages::bigint * current_setting('block_size')::bigint AS bytes,
       (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()) AS since
  FROM pg_stat_user_indexes AS s
  JOIN pg_index AS i ON i.indexrelid = s.indexrelid
  JOIN pg_class AS c ON c.oid = s.indexrelid
 WHERE s.idx_scan < :fewer_than AND NOT i.indisunique AND NOT i.indisreplident
   AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = s.indexrelid)
   AND c.relpages::bigint * current_setting('block_size')::bigint >= :at_least
 ORDER BY bytes DESC, 1;

-- name: unused_indexes(at_least: bigint = 1048576, fewer_than: bigint = 1)
-- Indexes that no query has used since the statistics were reset, which every write pays for.
-- Look at the replicas and at "since" first: they have statistics of their own. Then DROP INDEX CONCURRENTLY. Indexes of
-- constraints and unique ones are left out.
-- @requires pg>=16
-- @tags indexes
-- @timeout 1m
-- @warn rows > 0
SELECT s.indexrelid::regclass::text AS index, s.relid::regclass::text AS "table", s.idx_scan AS scans, s.last_idx_scan AS last_scan,
       pg_size_pretty(c.relpages::bigint * current_setting('block_size')::bigint) AS size,
       c.relpages::bigint * current_setting('block_size')::bigint AS bytes,
       (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()) AS since
  FROM pg_stat_user_indexes AS s
  JOIN pg_index AS i ON i.indexrelid = s.indexrelid
  JOIN pg_class AS c ON c.oid = s.indexrelid
 WHERE s.idx_scan < :fewer_than AND NOT i.indisunique AND NOT i.indisreplident
   AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = s.indexrelid)
   AND c.relpages::bigint * current_setting('block_size')::bigint >= :at_least
 ORDER BY bytes DESC, 1;

-- name: unused_indexes(at_least: bigint = 1048576, fewer_than: bigint = 1)
-- Indexes that no query has used since the statistics were reset, which every write pays for.
-- Look at the replicas, which have statistics of their own, and at "since": a crash or a failover resets them too. Then DROP INDEX
-- CONCURRENTLY, or DROP INDEX for that of a partitioned table, which stands for those of its partitions. Indexes of constraints and
-- unique ones are left out.
-- @requires pg>=13, pg<16
-- @tags indexes
-- @timeout 1m
-- @warn rows > 0
SELECT i.indexrelid::regclass::text AS index, i.indrelid::regclass::text AS "table", u.scans, u.last_scan, pg_size_pretty(u.bytes) AS size, u.bytes,
       greatest((SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
                (SELECT least(b.stats_reset, a.stats_reset) FROM pg_stat_bgwriter AS b, pg_stat_archiver AS a)) AS since
  FROM (SELECT coalesce(pg_partition_root(s.indexrelid), s.indexrelid)::oid AS root, sum(s.idx_scan)::bigint AS scans, NULL::timestamptz AS last_scan,
               sum(c.relpages)::bigint * current_setting('block_size')::bigint AS bytes
          FROM pg_stat_user_indexes AS s JOIN pg_class AS c ON c.oid = s.indexrelid
         GROUP BY 1) AS u
  JOIN pg_index AS i ON i.indexrelid = u.root
 WHERE u.scans < :fewer_than AND NOT i.indisunique AND NOT i.indisreplident
   AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = u.root)
   AND u.bytes >= :at_least
 ORDER BY bytes DESC, 1;

-- name: unused_indexes(at_least: bigint = 1048576, fewer_than: bigint = 1)
-- Indexes that no query has used since the statistics were reset, which every write pays for.
-- Look at the replicas, which have statistics of their own, and at "since": a crash or a failover resets them too. Then DROP INDEX
-- CONCURRENTLY, or DROP INDEX for that of a partitioned table, which stands for those of its partitions. Indexes of constraints and
-- unique ones are left out.
-- @requires pg>=16
-- @tags indexes
-- @timeout 1m
-- @warn rows > 0
SELECT i.indexrelid::regclass::text AS index, i.indrelid::regclass::text AS "table", u.scans, u.last_scan, pg_size_pretty(u.bytes) AS size, u.bytes,
       greatest((SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
                (SELECT least(b.stats_reset, a.stats_reset) FROM pg_stat_bgwriter AS b, pg_stat_archiver AS a)) AS since
  FROM (SELECT coalesce(pg_partition_root(s.indexrelid), s.indexrelid)::oid AS root, sum(s.idx_scan)::bigint AS scans, max(s.last_idx_scan) AS last_scan,
               sum(c.relpages)::bigint * current_setting('block_size')::bigint AS bytes
          FROM pg_stat_user_indexes AS s JOIN pg_class AS c ON c.oid = s.indexrelid
         GROUP BY 1) AS u
  JOIN pg_index AS i ON i.indexrelid = u.root
 WHERE u.scans < :fewer_than AND NOT i.indisunique AND NOT i.indisreplident
   AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = u.root)
   AND u.bytes >= :at_least
 ORDER BY bytes DESC, 1;

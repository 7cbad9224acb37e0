-- name: invalid_indexes
-- What a CREATE INDEX or REINDEX CONCURRENTLY that failed has left, valid or not, also in TOAST tables.
-- Every write pays for it and no query uses it. DROP INDEX CONCURRENTLY removes it: bulkq maintain indexes. Indexes that
-- are being built at this moment are left out. An index of a partitioned table is not valid if a partition has no index of it.
-- @requires pg>=13
-- @tags indexes
-- @fail rows > 0
SELECT i.indexrelid::regclass::text AS index, coalesce(o.oid, i.indrelid)::regclass::text AS "table",
       CASE WHEN c.relkind = 'I' THEN 'not valid in all partitions' WHEN NOT i.indislive THEN 'being dropped' WHEN NOT i.indisready THEN 'not ready' WHEN NOT i.indisvalid THEN 'not valid'
            ELSE 'valid copy of a failed rebuild' END AS state,
       pg_size_pretty(c.relpages::bigint * current_setting('block_size')::bigint) AS size, pg_get_userbyid(c.relowner) AS owner
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indexrelid
  LEFT JOIN pg_class AS o ON o.reltoastrelid = i.indrelid
 WHERE (NOT (i.indisvalid AND i.indisready AND i.indislive) OR c.relkind = 'i' AND c.relname ~ '_cc(new|old)[0-9]*$')
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS b JOIN pg_locks AS l ON l.pid = b.pid
                    WHERE l.relation IN (i.indrelid, o.oid) AND l.mode = 'ShareUpdateExclusiveLock')
 ORDER BY 1;

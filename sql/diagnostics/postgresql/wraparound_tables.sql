-- name: wraparound_tables(percent: numeric = 100, most: bigint = 50)
-- Tables whose oldest transaction id has passed so many percent of autovacuum_freeze_max_age (or of the multixact limit), theirs or the server's.
-- VACUUM FREEZE them in a quiet hour, before autovacuum does it in a busy one: bulkq maintain freeze.
-- @requires pg>=13
-- @tags wraparound, vacuum
-- @warn rows > 0
SELECT coalesce(t.oid, c.oid)::regclass::text AS "table", CASE WHEN t.oid IS NOT NULL THEN 'toast' ELSE 'heap' END AS part,
       age(c.relfrozenxid)::bigint AS xid_age, mxid_age(c.relminmxid)::bigint AS mxid_age,
       round(greatest(100.0 * age(c.relfrozenxid) / l.xids, 100.0 * mxid_age(c.relminmxid) / l.mxids), 1) AS percent,
       pg_size_pretty(c.relpages::bigint * current_setting('block_size')::int) AS size
  FROM pg_class AS c
  LEFT JOIN pg_class AS t ON t.reltoastrelid = c.oid
 CROSS JOIN LATERAL (
       SELECT least(current_setting('autovacuum_freeze_max_age')::numeric,
                    max(option_value) FILTER (WHERE option_name = 'autovacuum_freeze_max_age')::numeric) AS xids,
              least(current_setting('autovacuum_multixact_freeze_max_age')::numeric,
                    max(option_value) FILTER (WHERE option_name = 'autovacuum_multixact_freeze_max_age')::numeric) AS mxids
         FROM pg_options_to_table(coalesce(c.reloptions, t.reloptions))) AS l
 WHERE c.relkind IN ('r', 'm', 't') AND c.relfrozenxid <> '0'
   AND greatest(100.0 * age(c.relfrozenxid) / l.xids, 100.0 * mxid_age(c.relminmxid) / l.mxids) >= :percent
 ORDER BY percent DESC, 1, 2
 LIMIT :most;

-- name: database_activity
-- Each database since its statistics were reset: transactions, rows, cache hits, temporary files.
-- Under 90 % of cache hits on a busy database: look at cache_hits. Many temporary bytes: raise work_mem for those statements.
-- @requires pg>=13
-- @tags cache, activity
-- @expect rows >= 0
SELECT datname AS database, xact_commit AS commits, xact_rollback AS rollbacks,
       round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2) AS percent_hit, tup_returned AS rows_read, tup_fetched AS rows_fetched,
       tup_inserted + tup_updated + tup_deleted AS rows_changed, temp_files, pg_size_pretty(temp_bytes) AS temp_size, stats_reset AS since
  FROM pg_stat_database WHERE datname IS NOT NULL
 ORDER BY xact_commit DESC, 1;

-- name: deadlocks
-- Deadlocks and cancelled queries of each database since its statistics were reset.
-- Deadlocks: lock rows in one order everywhere. Conflicts occur on standbys: see hot_standby_feedback.
-- @requires pg>=13
-- @tags locks
-- @expect rows >= 0
SELECT datname AS database, deadlocks, conflicts, xact_rollback AS rollbacks,
       round(100.0 * xact_rollback / nullif(xact_commit + xact_rollback, 0), 1) AS percent_rolled_back, stats_reset AS since
  FROM pg_stat_database WHERE datname IS NOT NULL
 ORDER BY deadlocks DESC, conflicts DESC, datname;

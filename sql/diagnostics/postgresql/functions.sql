-- name: functions(most: bigint = 20)
-- The functions that have taken the most time.
-- Without rows: track_functions is none, so that nothing is counted.
-- @requires pg>=13
-- @tags statements
-- @expect rows >= 0
SELECT funcid::regprocedure::text AS function, calls, round(total_time::numeric, 1) AS total_ms, round(self_time::numeric, 1) AS self_ms,
       round((total_time / nullif(calls, 0))::numeric, 3) AS mean_ms
  FROM pg_stat_user_functions
 ORDER BY total_time DESC, 1
 LIMIT :most;

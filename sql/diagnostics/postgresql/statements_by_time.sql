-- name: statements_by_time(most: bigint = 20)
-- The statements that have taken the most time in all.
-- The first ones are worth an index or another query. EXPLAIN (ANALYZE, BUFFERS) says where the time goes.
-- @requires pg>=13, extension:pg_stat_statements, setting:pg_stat_statements.max, role:pg_read_all_stats
-- @tags statements
-- @expect rows >= 0
SELECT round(total_exec_time::numeric, 1) AS total_ms, calls, round(mean_exec_time::numeric, 3) AS mean_ms,
       round(max_exec_time::numeric, 1) AS max_ms, s.rows, shared_blks_hit + shared_blks_read AS blocks, shared_blks_read AS blocks_read,
       temp_blks_written AS temp_blocks, round((100 * total_exec_time / nullif(sum(total_exec_time) OVER (), 0))::numeric, 1) AS percent_time,
       d.datname AS database, r.rolname AS "user", queryid AS query_id, left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 200) AS query
  FROM pg_stat_statements AS s
  LEFT JOIN pg_database AS d ON d.oid = s.dbid
  LEFT JOIN pg_roles AS r ON r.oid = s.userid
 ORDER BY total_exec_time DESC, query_id
 LIMIT :most;

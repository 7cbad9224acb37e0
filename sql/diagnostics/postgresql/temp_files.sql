-- name: temp_files(more_than: bigint = 1073741824)
-- Databases that have written more than so many bytes of temporary files since their statistics were reset.
-- Sorts and hashes did not fit into work_mem: log_temp_files names the statements, statements_by_io ranks them.
-- @requires pg>=13
-- @tags cache
-- @warn rows > 0
SELECT datname AS database, temp_files, temp_bytes, pg_size_pretty(temp_bytes) AS temp_size,
       pg_size_pretty(temp_bytes / nullif(temp_files, 0)) AS per_file, stats_reset AS since
  FROM pg_stat_database
 WHERE datname IS NOT NULL AND temp_bytes > :more_than
 ORDER BY temp_bytes DESC;

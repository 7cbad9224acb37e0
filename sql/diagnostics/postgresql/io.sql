-- name: io(most: bigint = 30)
-- Reads and writes by the kind of process and the reason, since the statistics were reset.
-- Writes of "client backend" in context "normal": the background writer does not keep up. Times need track_io_timing.
-- @requires pg>=16, pg<18
-- @tags cache
-- @expect rows >= 0
SELECT backend_type AS process, object, context, reads, reads * op_bytes AS read_bytes, writes, writes * op_bytes AS write_bytes, hits, evictions, fsyncs,
       round(read_time::numeric, 1) AS read_ms, round(write_time::numeric, 1) AS write_ms, stats_reset AS since
  FROM pg_stat_io
 WHERE coalesce(reads, 0) + coalesce(writes, 0) + coalesce(hits, 0) > 0
 ORDER BY coalesce(reads, 0) + coalesce(writes, 0) DESC, 1, 2, 3
 LIMIT :most;

-- name: io(most: bigint = 30)
-- Reads and writes by the kind of process and the reason, since the statistics were reset.
-- Writes of "client backend" in context "normal": the background writer does not keep up. Times need track_io_timing.
-- @requires pg>=18
-- @tags cache
-- @expect rows >= 0
SELECT backend_type AS process, object, context, reads, read_bytes::bigint AS read_bytes, writes, write_bytes::bigint AS write_bytes, hits, evictions, fsyncs,
       round(read_time::numeric, 1) AS read_ms, round(write_time::numeric, 1) AS write_ms, stats_reset AS since
  FROM pg_stat_io
 WHERE coalesce(reads, 0) + coalesce(writes, 0) + coalesce(hits, 0) > 0
 ORDER BY coalesce(reads, 0) + coalesce(writes, 0) DESC, 1, 2, 3
 LIMIT :most;

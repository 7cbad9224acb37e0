-- name: wal
-- The WAL that was written since its statistics were reset, and how much of it were whole pages.
-- Many full page images: checkpoints are too frequent, raise max_wal_size. "buffers_full" above 0: raise wal_buffers.
-- @requires pg>=14
-- @tags wal
-- @expect rows >= 0
SELECT pg_size_pretty(wal_bytes) AS written, wal_records AS records, wal_fpi AS full_page_images, wal_buffers_full AS buffers_full,
       pg_size_pretty(wal_bytes / greatest(extract(epoch FROM clock_timestamp() - stats_reset)::numeric, 1) * 3600) AS per_hour,
       wal_bytes::bigint AS bytes, stats_reset AS since
  FROM pg_stat_wal;

-- name: buffers
-- What the shared buffers hold: used, dirty and pinned ones, and how much they are used.
-- A usage near 5 everywhere: they are too few. A low one: they are more than the work needs.
-- @requires pg>=13, pg<16, extension:pg_buffercache, role:pg_monitor
-- @tags cache
-- @timeout 30s
-- @expect rows >= 0
SELECT count(*) FILTER (WHERE relfilenode IS NOT NULL) AS used, count(*) FILTER (WHERE relfilenode IS NULL) AS unused,
       count(*) FILTER (WHERE isdirty) AS dirty, count(*) FILTER (WHERE pinning_backends > 0) AS pinned,
       round(avg(usagecount) FILTER (WHERE relfilenode IS NOT NULL), 2) AS average_usage
  FROM pg_buffercache;

-- name: buffers
-- What the shared buffers hold: used, dirty and pinned ones, and how much they are used.
-- A usage near 5 everywhere: they are too few. A low one: they are more than the work needs.
-- @requires pg>=16, extension:pg_buffercache, role:pg_monitor
-- @tags cache
-- @timeout 30s
-- @expect rows >= 0
SELECT buffers_used::bigint AS used, buffers_unused::bigint AS unused, buffers_dirty::bigint AS dirty, buffers_pinned::bigint AS pinned,
       round(usagecount_avg::numeric, 2) AS average_usage
  FROM pg_buffercache_summary();

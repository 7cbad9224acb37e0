-- name: cache_hits(most: bigint = 30)
-- Tables by the blocks that were read from outside the shared buffers, and the share that was found in them.
-- A large table that is read often and has a low share wants an index, or more shared_buffers.
-- @requires pg>=13
-- @tags cache
-- @expect rows >= 0
SELECT relid::regclass::text AS "table", heap_blks_read AS read, heap_blks_hit AS hit,
       round(100.0 * heap_blks_hit / nullif(heap_blks_hit + heap_blks_read, 0), 1) AS percent_hit,
       idx_blks_read AS index_read, round(100.0 * idx_blks_hit / nullif(idx_blks_hit + idx_blks_read, 0), 1) AS percent_index_hit
  FROM pg_statio_user_tables
 ORDER BY heap_blks_read + coalesce(idx_blks_read, 0) DESC, 1
 LIMIT :most;

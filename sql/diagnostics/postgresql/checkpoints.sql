-- name: checkpoints
-- Checkpoints since the statistics were reset: by time, and by request because the WAL was full.
-- If most are requested, raise max_wal_size. "average" is the time between two of them.
-- @requires pg>=13, pg<17
-- @tags wal
-- @expect rows >= 0
SELECT timed, requested, round(100.0 * requested / nullif(timed + requested, 0), 1) AS percent_requested,
       date_trunc('seconds', (clock_timestamp() - since) / nullif(timed + requested, 0)) AS average,
       round((write_ms / 1000)::numeric, 1) AS write_s, round((sync_ms / 1000)::numeric, 1) AS sync_s,
       pg_size_pretty(buffers * current_setting('block_size')::bigint) AS written, since
  FROM (SELECT checkpoints_timed AS timed, checkpoints_req AS requested, checkpoint_write_time AS write_ms,
               checkpoint_sync_time AS sync_ms, buffers_checkpoint AS buffers, stats_reset AS since FROM pg_stat_bgwriter) AS known;

-- name: checkpoints
-- Checkpoints since the statistics were reset: by time, and by request because the WAL was full.
-- If most are requested, raise max_wal_size. "average" is the time between two of them.
-- @requires pg>=17
-- @tags wal
-- @expect rows >= 0
SELECT timed, requested, round(100.0 * requested / nullif(timed + requested, 0), 1) AS percent_requested,
       date_trunc('seconds', (clock_timestamp() - since) / nullif(timed + requested, 0)) AS average,
       round((write_ms / 1000)::numeric, 1) AS write_s, round((sync_ms / 1000)::numeric, 1) AS sync_s,
       pg_size_pretty(buffers * current_setting('block_size')::bigint) AS written, since
  FROM (SELECT num_timed AS timed, num_requested AS requested, write_time AS write_ms, sync_time AS sync_ms,
               buffers_written AS buffers, stats_reset AS since FROM pg_stat_checkpointer) AS known;

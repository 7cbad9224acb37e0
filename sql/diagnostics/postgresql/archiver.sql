-- name: archiver
-- An archive command whose last attempt failed.
-- WAL stays on the server until it is archived. The server's log has the error of archive_command.
-- @requires pg>=13
-- @tags replication, wal
-- @fail rows > 0
SELECT failed_count AS failures, last_failed_wal, last_failed_time, last_archived_wal, last_archived_time
  FROM pg_stat_archiver
 WHERE current_setting('archive_mode') <> 'off' AND last_failed_time > coalesce(last_archived_time, '-infinity');

-- name: checksum_failures
-- Databases in which pages were found whose checksum is wrong.
-- The disk or the memory has failed: look at the server's log for the files, take a backup now, and check the hardware.
-- @requires pg>=13
-- @tags corruption
-- @fail rows > 0
SELECT coalesce(datname, '(shared)') AS database, checksum_failures AS failures, checksum_last_failure AS last_failure
  FROM pg_stat_database
 WHERE checksum_failures > 0
 ORDER BY 1;

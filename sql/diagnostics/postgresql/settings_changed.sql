-- name: settings_changed
-- Settings whose value differs from the default of PostgreSQL, and where it comes from.
-- Run it on two servers with -o FILE.csv to compare them.
-- @requires pg>=13, role:pg_read_all_settings
-- @tags settings
-- @expect rows >= 0
SELECT name AS setting, current_setting(name) AS value, boot_val AS default_value, unit, source, pending_restart
  FROM pg_settings
 WHERE setting IS DISTINCT FROM boot_val AND source NOT IN ('default', 'override', 'client', 'session')
   AND name NOT IN ('lock_timeout', 'statement_timeout')
 ORDER BY 1;

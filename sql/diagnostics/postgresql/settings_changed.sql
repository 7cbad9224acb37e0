-- name: settings_changed
-- Settings whose value differs from the default of PostgreSQL, and where it comes from.
-- Run it on two servers with -o FILE.csv to compare them. What bulkq sets for its own session is shown as it would be without that.
-- @requires pg>=13, role:pg_read_all_settings
-- @tags settings
-- @expect rows >= 0
SELECT name AS setting, CASE source WHEN 'session' THEN concat(reset_val, unit) ELSE current_setting(name) END AS value,
       boot_val AS default_value, unit, CASE source WHEN 'session' THEN 'server, database or role' ELSE source END AS source, pending_restart
  FROM pg_settings
 WHERE reset_val IS DISTINCT FROM boot_val AND source NOT IN ('default', 'override', 'client')
 ORDER BY 1;

-- name: settings_changed
-- Settings whose value differs from the default of MariaDB, and where it comes from.
-- Run it on two servers with -o FILE.csv to compare them.
-- @requires mariadb>=10.5
-- @tags settings
-- @expect rows >= 0
SELECT LOWER(variable_name) AS setting, LEFT(global_value, 200) AS value, LEFT(default_value, 200) AS default_value,
       global_value_origin AS source, global_value_path AS file
  FROM information_schema.system_variables
 WHERE global_value IS NOT NULL AND NOT (global_value <=> default_value) AND global_value_origin <> 'COMPILE-TIME'
 ORDER BY 1;

-- name: pending_restart
-- Settings that were changed in the configuration and wait for a restart of the server.
-- Restart the server in the next maintenance window, or take the change back.
-- @requires pg>=13, role:pg_read_all_settings
-- @tags settings
-- @warn rows > 0
SELECT name AS setting, setting AS value, unit, sourcefile AS file, sourceline AS line FROM pg_settings WHERE pending_restart ORDER BY 1;

-- name: extension_updates
-- Extensions of which the server has a newer version than the database.
-- ALTER EXTENSION ... UPDATE, after reading its release notes.
-- @requires pg>=13
-- @tags schema
-- @warn rows > 0
SELECT name AS extension, installed_version, default_version AS newest_version
  FROM pg_available_extensions
 WHERE installed_version IS NOT NULL AND installed_version <> default_version
 ORDER BY 1;

-- name: foreign_key_violations
-- Rows whose parent is missing. SQLite checks foreign keys only in connections that ask for it.
-- Insert the parents, or delete the rows; then use PRAGMA foreign_keys=ON in every connection.
-- @requires sqlite>=3.16
-- @tags schema, corruption
-- @timeout 5m
-- @fail rows > 0
SELECT "table", rowid AS row, parent, fkid AS foreign_key FROM pragma_foreign_key_check;

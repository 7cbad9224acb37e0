-- name: orphans
-- Rows without a parent, for every foreign key of the database. SQLite declares keys without enforcing them
-- unless each connection asks for it.
-- @tags schema, foreign-keys
-- @timeout 10m
SELECT "table", rowid AS row, parent, fkid AS foreign_key FROM pragma_foreign_key_check;

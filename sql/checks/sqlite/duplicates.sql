-- name: duplicates
-- What SQLite finds wrong with the file: keys that occur twice in a unique index, rows that an index lacks, NULL where
-- there must be none, damaged pages. Reads the whole file.
-- @tags schema, corruption
-- @timeout 30m
SELECT integrity_check AS finding FROM pragma_integrity_check WHERE integrity_check <> 'ok';

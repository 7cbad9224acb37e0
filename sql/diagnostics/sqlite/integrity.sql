-- name: integrity
-- What SQLite finds wrong with the file: damaged pages, rows that an index lacks, NULL where there must be none.
-- REINDEX mends an index. For the rest, restore a backup, or save what can be read: sqlite3 FILE .recover. Reads the whole file.
-- @requires sqlite>=3.16
-- @tags corruption
-- @timeout 10m
-- @fail rows > 0
SELECT integrity_check AS finding FROM pragma_integrity_check WHERE integrity_check <> 'ok';

-- name: never_analyzed
-- A database with indexes on which ANALYZE was never run, so that the planner guesses.
-- ANALYZE, or PRAGMA optimize at the end of each connection: bulkq maintain analyze.
-- @requires sqlite>=3.16
-- @tags planner
-- @warn rows > 0
SELECT count(*) AS indexes
  FROM sqlite_master WHERE type = 'index'
HAVING count(*) > 0 AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1');

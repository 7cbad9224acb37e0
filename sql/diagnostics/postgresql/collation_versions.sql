-- name: collation_versions
-- Collations whose library has another version than the one with which the indexes were built.
-- Text may sort differently now, so indexes may miss rows and accept duplicates. REINDEX what uses them, then
-- ALTER DATABASE (or COLLATION) ... REFRESH COLLATION VERSION.
-- @requires pg>=13, pg<15
-- @tags corruption
-- @fail rows > 0
SELECT object, built_with, library_has
  FROM (SELECT 'collation ' || c.oid::regcollation::text, c.collversion, pg_collation_actual_version(c.oid)
          FROM pg_collation AS c WHERE c.collversion IS NOT NULL) AS known (object, built_with, library_has)
 WHERE built_with IS DISTINCT FROM library_has
 ORDER BY 1;

-- name: collation_versions
-- Collations whose library has another version than the one with which the indexes were built.
-- Text may sort differently now, so indexes may miss rows and accept duplicates. REINDEX what uses them, then
-- ALTER DATABASE (or COLLATION) ... REFRESH COLLATION VERSION.
-- @requires pg>=15
-- @tags corruption
-- @fail rows > 0
SELECT object, built_with, library_has
  FROM (SELECT 'database ' || d.datname, d.datcollversion, pg_database_collation_actual_version(d.oid)
          FROM pg_database AS d WHERE d.datcollversion IS NOT NULL
        UNION ALL
        SELECT 'collation ' || c.oid::regcollation::text, c.collversion, pg_collation_actual_version(c.oid)
          FROM pg_collation AS c WHERE c.collversion IS NOT NULL) AS known (object, built_with, library_has)
 WHERE built_with IS DISTINCT FROM library_has
 ORDER BY 1;

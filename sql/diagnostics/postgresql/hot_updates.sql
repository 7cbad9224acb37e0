-- name: hot_updates(percent: numeric = 50, at_least: bigint = 1000)
-- Tables of whose updates fewer than so many percent were HOT, so that they wrote to all indexes.
-- Lower the fillfactor of the table, or drop indexes on columns that change.
-- @requires pg>=13
-- @tags tables
-- @warn rows > 0
SELECT s.relid::regclass::text AS "table", s.n_tup_upd AS updates, s.n_tup_hot_upd AS hot,
       round(100.0 * s.n_tup_hot_upd / s.n_tup_upd, 1) AS percent_hot,
       (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = s.relid) AS indexes,
       coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), '100') AS fillfactor
  FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
 WHERE s.n_tup_upd >= :at_least AND 100.0 * s.n_tup_hot_upd / s.n_tup_upd < :percent
 ORDER BY s.n_tup_upd - s.n_tup_hot_upd DESC, 1;

-- name: table_sizes(most: bigint = 30)
-- The largest tables: rows, and the bytes of the table, its indexes and its TOAST data.
-- More index than table: see unused_indexes and redundant_indexes. A table that grows without rows: see table_bloat.
-- @requires pg>=13
-- @tags sizes
-- @timeout 1m
-- @expect rows >= 0
SELECT "table", rows, pg_size_pretty(total) AS total, pg_size_pretty(heap) AS heap, pg_size_pretty(indexes) AS indexes,
       pg_size_pretty(total - heap - indexes) AS toast, total AS bytes
  FROM (SELECT c.oid::regclass::text AS "table", CASE WHEN c.reltuples >= 0 THEN c.reltuples END::bigint AS rows, pg_total_relation_size(c.oid) AS total,
               pg_relation_size(c.oid) AS heap, pg_indexes_size(c.oid) AS indexes
          FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp'
         ORDER BY greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 100)
                  + coalesce((SELECT t.relpages FROM pg_class AS t WHERE t.oid = c.reltoastrelid), 0)
                  + coalesce((SELECT sum(x.relpages) FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid), 0)
                  DESC LIMIT 10 * :most) AS known
 ORDER BY bytes DESC, 1
 LIMIT :most;

-- name: partitions
-- Partitioned tables: number of partitions, rows, and rows in the default partition.
-- Rows in the default partition: a partition is missing for them. Create it before they are many. Rows are those of the last ANALYZE, at all
-- levels; NULL: a partition was never analyzed.
-- @requires pg>=13
-- @tags tables
-- @expect rows >= 0
SELECT p.partrelid::regclass::text AS "table", CASE p.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' ELSE 'hash' END AS strategy,
       pg_get_partkeydef(p.partrelid) AS key, (SELECT count(*) FROM pg_inherits AS i WHERE i.inhparent = p.partrelid) AS partitions,
       every.rows, "default".rows AS rows_in_default, pg_size_pretty(every.pages * current_setting('block_size')::bigint) AS size
  FROM pg_partitioned_table AS p
 CROSS JOIN LATERAL (
       SELECT CASE WHEN min(c.reltuples) >= 0 THEN sum(c.reltuples) END::bigint AS rows, coalesce(sum(c.relpages), 0)::bigint AS pages
         FROM pg_partition_tree(p.partrelid) AS l JOIN pg_class AS c ON c.oid = l.relid WHERE l.isleaf AND l.relid <> p.partrelid) AS every
 CROSS JOIN LATERAL (
       SELECT CASE WHEN min(c.reltuples) >= 0 THEN sum(c.reltuples) END::bigint AS rows
         FROM pg_partition_tree(nullif(p.partdefid, 0)) AS l JOIN pg_class AS c ON c.oid = l.relid WHERE l.isleaf) AS "default"
 ORDER BY 1;

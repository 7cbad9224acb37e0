-- name: partitions
-- Partitioned tables: number of partitions, rows, and rows in the default partition.
-- Rows in the default partition: a partition is missing for them. Create it before they are many.
-- @requires pg>=13
-- @tags tables
-- @expect rows >= 0
SELECT p.partrelid::regclass::text AS "table", CASE p.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' ELSE 'hash' END AS strategy,
       pg_get_partkeydef(p.partrelid) AS key, count(i.inhrelid) AS partitions, sum(greatest(c.reltuples, 0))::bigint AS rows,
       sum(greatest(c.reltuples, 0)) FILTER (WHERE c.oid = p.partdefid)::bigint AS rows_in_default,
       pg_size_pretty(sum(c.relpages)::bigint * current_setting('block_size')::bigint) AS size
  FROM pg_partitioned_table AS p
  LEFT JOIN pg_inherits AS i ON i.inhparent = p.partrelid
  LEFT JOIN pg_class AS c ON c.oid = i.inhrelid
 GROUP BY p.partrelid, p.partstrat
 ORDER BY 1;

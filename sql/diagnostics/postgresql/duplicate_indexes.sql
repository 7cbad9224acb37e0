-- name: duplicate_indexes
-- Indexes with the same definition on one table.
-- Keep one: drop those that no constraint needs, with DROP INDEX CONCURRENTLY. An index of a partitioned table stands for those of
-- its partitions, and DROP INDEX without CONCURRENTLY drops them all.
-- @requires pg>=13
-- @tags indexes
-- @warn rows > 0
SELECT i.indrelid::regclass::text AS "table", string_agg(i.indexrelid::regclass::text, ', ' ORDER BY i.indisprimary DESC, i.indisunique DESC, i.indexrelid) AS indexes,
       count(*) AS copies, pg_size_pretty(sum(c.pages)::bigint * current_setting('block_size')::bigint) AS size
  FROM (SELECT i.*, concat_ws('/', c.relam, i.indkey, i.indclass, i.indcollation, i.indoption, pg_get_expr(i.indexprs, i.indrelid), '/',
                              pg_get_expr(i.indpred, i.indrelid)) AS definition,
               CASE WHEN i.indisunique THEN concat(i.indimmediate, to_jsonb(i) ->> 'indnullsnotdistinct') END AS enforces
          FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid AND NOT c.relispartition JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp' AND i.indisvalid) AS i
 CROSS JOIN LATERAL (
       SELECT sum(x.relpages) AS pages FROM pg_class AS x
        WHERE x.oid = i.indexrelid OR x.oid IN (SELECT relid FROM pg_partition_tree(i.indexrelid))) AS c
 GROUP BY i.indrelid, i.definition
HAVING count(*) > 1 AND (bool_or(NOT i.indisunique AND NOT i.indisexclusion) OR count(DISTINCT i.enforces) < count(i.enforces))
 ORDER BY sum(c.pages) DESC, 1;

-- name: index_bloat(percent: numeric = 50, at_least: bigint = 10485760)
-- B-tree indexes of which more than so many percent are empty space, estimated from statistics without reading them.
-- REINDEX INDEX CONCURRENTLY gives the space back: bulkq maintain reindex. Indexes with many equal keys are smaller than
-- estimated and not listed; those without statistics that the role may see are listed with NULL.
-- @requires pg>=13
-- @tags indexes, bloat
-- @timeout 1m
-- @warn rows > 0
WITH known AS (
    SELECT c.oid, i.indrelid, c.relpages::numeric AS pages, greatest(c.reltuples, 0)::numeric AS rows,
           coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), '90')::numeric AS fill,
           current_setting('block_size')::numeric AS page,
           sum((1 - s.null_frac) * s.avg_width)::numeric AS width, bool_or(s.null_frac > 0) AS nulls,
           count(*) AS columns, count(s.attname) AS described
      FROM pg_index AS i
      JOIN pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i'
      JOIN pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
      JOIN pg_class AS t ON t.oid = i.indrelid
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
      LEFT JOIN pg_attribute AS a ON a.attrelid = CASE WHEN k.number = 0 THEN i.indexrelid ELSE i.indrelid END
            AND a.attnum = CASE WHEN k.number = 0 THEN k.place ELSE k.number END
      LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = CASE WHEN k.number = 0 THEN c.relname ELSE t.relname END
            AND s.attname = a.attname AND NOT s.inherited
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp' AND c.relpages::bigint * current_setting('block_size')::bigint >= :at_least
     GROUP BY c.oid, i.indrelid, c.relpages, c.reltuples, c.reloptions
), estimated AS (
    SELECT *, CASE WHEN described = columns
                   THEN least(pages, 1 + ceil(1.01 * rows * (ceil((8 + CASE WHEN nulls THEN 8 ELSE 0 END + width) / 8) * 8 + 4)
                                              * 100 / fill / (page - 40))) END AS needed
      FROM known
)
SELECT oid::regclass::text AS index, indrelid::regclass::text AS "table", (pages * page)::bigint AS bytes, pg_size_pretty(pages * page) AS size,
       ((pages - needed) * page)::bigint AS bloat_bytes, pg_size_pretty((pages - needed) * page) AS bloat,
       round(100 * (pages - needed) / pages, 1) AS percent
  FROM estimated
 WHERE needed IS NULL OR 100 * (pages - needed) / pages >= :percent
 ORDER BY bloat_bytes DESC NULLS LAST, 1;

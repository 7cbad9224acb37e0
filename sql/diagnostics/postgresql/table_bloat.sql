-- name: table_bloat(percent: numeric = 40, at_least: bigint = 10485760)
-- Tables of which more than so many percent are empty space, estimated from statistics without reading the tables.
-- pg_repack, VACUUM FULL or CLUSTER give the space back; a plain VACUUM lets new rows use it. Tables without statistics
-- that the role may see are listed with NULL: run ANALYZE, or GRANT SELECT.
-- @requires pg>=13
-- @tags tables, bloat
-- @timeout 1m
-- @warn rows > 0
WITH known AS (
    SELECT c.oid, c.relpages::numeric AS pages, greatest(c.reltuples, 0)::numeric AS rows,
           coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), '100')::numeric AS fill,
           current_setting('block_size')::numeric AS page,
           sum((1 - s.null_frac) * s.avg_width)::numeric AS width, bool_or(s.null_frac > 0) AS nulls,
           count(*) AS columns, count(s.attname) AS described
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
      LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
     WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp'
       AND c.relpages::bigint * current_setting('block_size')::bigint >= :at_least
     GROUP BY c.oid, c.relpages, c.reltuples, c.reloptions
), estimated AS (
    SELECT *, CASE WHEN described = columns
                   THEN least(pages, ceil(rows * (ceil((23 + CASE WHEN nulls THEN columns / 8 + 1 ELSE 0 END + width) / 8) * 8 + 4)
                                          * 100 / fill / (page - 24))) END AS needed
      FROM known
)
SELECT oid::regclass::text AS "table", (pages * page)::bigint AS bytes, pg_size_pretty(pages * page) AS size,
       ((pages - needed) * page)::bigint AS bloat_bytes, pg_size_pretty((pages - needed) * page) AS bloat,
       round(100 * (pages - needed) / pages, 1) AS percent
  FROM estimated
 WHERE needed IS NULL OR 100 * (pages - needed) / pages >= :percent
 ORDER BY bloat_bytes DESC NULLS LAST, 1;

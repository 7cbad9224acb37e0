-- name: vacuum_need(percent: numeric = 100)
-- Tables whose dead or new rows have passed so many percent of the threshold of autovacuum, with the settings of each table.
-- If they stay here, autovacuum does not keep up: raise autovacuum_max_workers or the cost limit, or see oldest_snapshots.
-- @requires pg>=13
-- @tags vacuum
-- @warn rows > 0
WITH settings AS (
    SELECT c.oid, CASE WHEN c.reltuples >= 0 THEN c.reltuples END AS rows, s.n_dead_tup AS dead, s.n_ins_since_vacuum AS inserted, s.last_vacuum, s.last_autovacuum,
           coalesce((SELECT option_value::bool FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_enabled'), true)
           AND current_setting('autovacuum')::bool AS enabled,
           least(coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_vacuum_threshold'),
                    current_setting('autovacuum_vacuum_threshold'))::float8
           + coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_vacuum_scale_factor'),
                    current_setting('autovacuum_vacuum_scale_factor'))::float8 * greatest(c.reltuples, 0),
           nullif(coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_vacuum_max_threshold'),
                    current_setting('autovacuum_vacuum_max_threshold', true))::float8, -1)) AS dead_limit,
           coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_vacuum_insert_threshold'),
                    current_setting('autovacuum_vacuum_insert_threshold'))::float8 AS insert_base,
           coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_vacuum_insert_scale_factor'),
                    current_setting('autovacuum_vacuum_insert_scale_factor'))::float8 * greatest(c.reltuples, 0)
           * (1 - least(coalesce((to_jsonb(c) ->> 'relallfrozen')::float8 / nullif(c.relpages, 0), 0), 1)) AS insert_share
      FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
)
SELECT oid::regclass::text AS "table", rows::bigint, dead, round(dead_limit)::bigint AS dead_threshold, inserted,
       CASE WHEN insert_base >= 0 THEN round(insert_base + insert_share)::bigint END AS insert_threshold,
       round(percent_of::numeric, 1) AS percent, enabled AS autovacuum, greatest(last_vacuum, last_autovacuum) AS last_vacuum
  FROM (SELECT *, 100 * greatest(dead / nullif(dead_limit, 0),
                      CASE WHEN insert_base >= 0 THEN inserted / nullif(insert_base + insert_share, 0) END) AS percent_of FROM settings) AS known
 WHERE percent_of >= :percent
 ORDER BY percent_of DESC, 1;

-- name: foreign_keys_without_index(rows_at_least: bigint = 0)
-- Foreign keys whose columns no index begins with.
-- Each DELETE of a parent row reads the whole child table. A partial index WHERE the column IS NOT NULL is enough. CREATE INDEX CONCURRENTLY on the columns of the key.
-- @requires pg>=13
-- @tags indexes, schema
-- @warn rows > 0
SELECT k.conrelid::regclass::text AS "table", k.conname AS foreign_key,
       (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY AS p (number, place)
          JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = p.number) AS columns,
       k.confrelid::regclass::text AS parent, CASE WHEN c.reltuples >= 0 THEN c.reltuples END::bigint AS rows
  FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
 WHERE k.contype = 'f' AND k.conparentid = 0 AND greatest(c.reltuples, 0) >= :rows_at_least
   AND NOT EXISTS (
       SELECT FROM pg_index AS i
        WHERE i.indrelid = k.conrelid AND i.indisvalid
          AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = ANY (
               SELECT format('(%I IS NOT NULL)', n.attname) FROM pg_attribute AS n
                WHERE n.attrelid = k.conrelid AND n.attnum = ANY (k.conkey)))
          AND k.conkey <@ (SELECT array_agg(x.number) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS x (number, place)
                            WHERE x.place <= least(cardinality(k.conkey), i.indnkeyatts)))
 ORDER BY rows DESC NULLS LAST, 1, 2;

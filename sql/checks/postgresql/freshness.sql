-- name: freshness(table, column, max_age: interval = '1 day')
-- A table whose newest row is older than it may be, or that is empty: what fills it has stopped.
-- Say which one: --param table=orders --param column=created_at, or -p with a file of several.
-- @param table ident
-- @param column ident
-- @tags data
SELECT max(:{column}) AS newest, now() - max(:{column}) AS age
  FROM :{table}
HAVING max(:{column}) IS NULL OR max(:{column}) < now() - :max_age;

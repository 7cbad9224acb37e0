-- name: freshness(table, column, max_age: interval = '1 day', tolerance: interval = '1 day')
-- A table whose newest row is older than it may be, or that is empty: what fills it has stopped.
-- Rows that lie further ahead than :tolerance do not count: "infinity" would hide that nothing comes any more.
-- Say which one: --param table=orders --param column=created_at, or -p with a file of several.
-- @param table ident
-- @param column ident
-- @tags data
SELECT newest, now() - newest AS age
  FROM (SELECT max(:{column}) FILTER (WHERE isfinite(:{column}) AND :{column} <= now() + :tolerance) AS newest FROM :{table}) AS found
 WHERE newest IS NULL OR newest < now() - :max_age;

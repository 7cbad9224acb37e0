-- name: freshness(table, column, max_age = '-1 day')
-- A table whose newest row is older than it may be, or that is empty. Times are ISO 8601 text in UTC.
-- Say which one: --param table=orders --param column=created_at, or -p with a file of several.
-- @param table ident
-- @param column ident
-- @tags data
SELECT max(datetime(:{column})) AS newest FROM :{table}
HAVING newest IS NULL OR newest < datetime('now', :max_age);

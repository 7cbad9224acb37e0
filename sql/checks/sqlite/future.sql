-- name: future(table, column, tolerance = '+1 day')
-- Rows whose date or time, as ISO 8601 text, lies in the future.
-- Say which column: --param table=orders --param column=created_at, or -p with a file of several.
-- @param table ident
-- @param column ident
-- @tags data
SELECT count(*) AS rows, max(:{column}) AS latest FROM :{table} WHERE datetime(:{column}) > datetime('now', :tolerance) HAVING count(*) > 0;

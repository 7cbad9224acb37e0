-- name: future(table, column, tolerance = '+1 day')
-- Rows whose date or time, as ISO 8601 text, lies in the future, and those where it is no such text: nobody can tell of them.
-- Say which column: --param table=orders --param column=created_at, or -p with a file of several.
-- @param table ident
-- @param column ident
-- @tags data
SELECT count(*) AS rows, max(:{column}) AS latest, sum(datetime(:{column}) IS NULL) AS no_time FROM :{table}
 WHERE datetime(:{column}) > datetime('now', :tolerance) OR datetime(:{column}) IS NULL AND :{column} IS NOT NULL
HAVING count(*) > 0;

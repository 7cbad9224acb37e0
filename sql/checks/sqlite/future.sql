-- name: future(table, column, tolerance = '1 day')
-- Rows whose date or time, as ISO 8601 text, lies in the future, and those where it is no such text: nobody can tell of them.
-- Say which column: --param table=orders --param column=created_at, or -p with a file of several.
-- (A path that JSON does not know is an error; so is then a time that SQLite does not understand, which would be NULL.)
-- @param table ident
-- @param column ident
-- @tags data
WITH given AS (
    SELECT coalesce(datetime('now', '+' || ltrim(:tolerance, '+-')),
                    json_extract('{}', 'tolerance "' || ifnull(:tolerance, 'NULL') || '" is no time: write it like "1 day"')) AS latest
)
SELECT count(*) AS rows, max(:{column}) AS latest, sum(datetime(:{column}) IS NULL) AS no_time FROM :{table}
 WHERE datetime(:{column}) > (SELECT latest FROM given) OR datetime(:{column}) IS NULL AND :{column} IS NOT NULL
HAVING (SELECT latest FROM given) IS NOT NULL AND count(*) > 0;

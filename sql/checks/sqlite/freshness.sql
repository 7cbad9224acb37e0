-- name: freshness(table, column, max_age = '1 day', tolerance = '1 day')
-- A table whose newest row is older than it may be, or that is empty. Times are ISO 8601 text in UTC.
-- Rows that lie further ahead than :tolerance do not count: one in the year 2999 would hide that nothing comes any more.
-- Say which one: --param table=orders --param column=created_at, or -p with a file of several.
-- (A path that JSON does not know is an error; so is then a time that SQLite does not understand, which would be NULL.)
-- @param table ident
-- @param column ident
-- @tags data
WITH given AS (
    SELECT coalesce(datetime('now', '-' || ltrim(:max_age, '+-')), datetime('now', :max_age),
                    json_extract('{}', 'max_age "' || ifnull(:max_age, 'NULL') || '" is no time: write it like "1 day"')) AS oldest,
           coalesce(datetime('now', '+' || ltrim(:tolerance, '+-')),
                    json_extract('{}', 'tolerance "' || ifnull(:tolerance, 'NULL') || '" is no time: write it like "1 day"')) AS latest
)
SELECT max(datetime(:{column})) FILTER (WHERE datetime(:{column}) <= (SELECT latest FROM given)) AS newest FROM :{table}
HAVING (SELECT oldest || latest FROM given) IS NOT NULL AND ifnull(newest, '') < (SELECT oldest FROM given);

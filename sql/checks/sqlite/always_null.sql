-- name: always_null(table, column)
-- A column that holds NULL in every row: nobody writes it, or something has stopped.
-- Say which one: --param table=orders --param column=note, or -p with a file of several.
-- @param table ident
-- @param column ident
-- @tags data
-- @warn rows > 0
SELECT count(*) AS rows FROM :{table} HAVING count(*) > 0 AND count(:{column}) = 0;

-- name: autoincrement(percent: real = 70)
-- Tables with AUTOINCREMENT that have used so many percent of the numbers that a client with 32 bits can take, and of SQLite's own.
-- Past 2147483647 look at the clients; past 9223372036854775807 no row can be inserted.
-- @requires sqlite>=3.16, table:sqlite_sequence
-- @tags capacity
-- @warn rows > 0
SELECT name AS "table", seq AS last_value, round(100.0 * seq / 2147483647, 1) AS percent_of_32_bits,
       round(100.0 * seq / 9223372036854775807, 1) AS percent_of_64_bits
  FROM sqlite_sequence
 WHERE 100.0 * seq / CASE WHEN seq <= 2147483647 THEN 2147483647 ELSE 9223372036854775807 END >= CAST(:percent AS real)
 ORDER BY seq DESC, 1;

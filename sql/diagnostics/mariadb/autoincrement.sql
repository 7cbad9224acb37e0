-- name: autoincrement(percent: decimal = 70)
-- AUTO_INCREMENT columns of this database that have used so many percent of the numbers of their type.
-- At 100 % every INSERT fails: change the column to bigint.
-- @requires mariadb>=10.5
-- @tags capacity
-- @timeout 2m
-- @warn rows > 0
SELECT known.`table`, known.`column`, known.type, known.next_value, known.most, ROUND(100 * known.next_value / known.most, 1) AS percent_used
  FROM (SELECT t.table_name AS `table`, c.column_name AS `column`, c.column_type AS type, t.auto_increment AS next_value,
               (CASE c.data_type WHEN 'tinyint' THEN 255 WHEN 'smallint' THEN 65535 WHEN 'mediumint' THEN 16777215
                                 WHEN 'int' THEN 4294967295 ELSE 18446744073709551615 END)
               DIV IF(c.column_type LIKE '%unsigned%', 1, 2) AS most
          FROM information_schema.tables AS t JOIN information_schema.columns AS c
            ON c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.extra LIKE '%auto_increment%'
         WHERE t.table_schema = DATABASE()) AS known
 WHERE 100 * known.next_value / known.most >= :percent
 ORDER BY percent_used DESC, 1;

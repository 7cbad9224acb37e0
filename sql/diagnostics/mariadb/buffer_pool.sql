-- name: buffer_pool
-- The buffer pool of InnoDB: hits, dirty and free pages, and waits for a free page.
-- Under 99 % of hits on a busy server: raise innodb_buffer_pool_size. "waits_free" above 0: pages are written too slowly.
-- @requires mariadb>=10.5
-- @tags cache
-- @expect rows = 1
SELECT @@innodb_buffer_pool_size AS bytes, ROUND(100 - 100 * MAX(IF(variable_name = 'INNODB_BUFFER_POOL_READS', variable_value, 0))
             / GREATEST(MAX(IF(variable_name = 'INNODB_BUFFER_POOL_READ_REQUESTS', variable_value + 0, 0)), 1), 3) AS percent_hit,
       MAX(IF(variable_name = 'INNODB_BUFFER_POOL_PAGES_TOTAL', variable_value + 0, 0)) AS pages,
       MAX(IF(variable_name = 'INNODB_BUFFER_POOL_PAGES_DIRTY', variable_value + 0, 0)) AS dirty,
       MAX(IF(variable_name = 'INNODB_BUFFER_POOL_PAGES_FREE', variable_value + 0, 0)) AS free,
       MAX(IF(variable_name = 'INNODB_BUFFER_POOL_WAIT_FREE', variable_value + 0, 0)) AS waits_free
  FROM information_schema.global_status WHERE variable_name LIKE 'INNODB_BUFFER_POOL%';

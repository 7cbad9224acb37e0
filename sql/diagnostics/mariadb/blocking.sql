-- name: blocking
-- Who blocks whom on rows of InnoDB tables: the session that waits, and the one that holds the lock.
-- A holder that waits for nothing is at the root: end its transaction.
-- @requires mariadb>=10.5, privilege:PROCESS
-- @tags locks
-- @warn rows > 0
SELECT w.trx_mysql_thread_id AS waiting, b.trx_mysql_thread_id AS blocked_by, b.trx_wait_started IS NULL AS is_root,
       l.lock_table AS `table`, l.lock_index AS `index`, l.lock_mode AS mode,
       TIMESTAMPDIFF(SECOND, w.trx_wait_started, NOW()) AS waits_s, TIMESTAMPDIFF(SECOND, b.trx_started, NOW()) AS holder_open_s,
       LEFT(w.trx_query, 200) AS waiting_query, LEFT(b.trx_query, 200) AS holder_query
  FROM information_schema.innodb_lock_waits AS x
  JOIN information_schema.innodb_trx AS w ON w.trx_id = x.requesting_trx_id
  JOIN information_schema.innodb_trx AS b ON b.trx_id = x.blocking_trx_id
  LEFT JOIN information_schema.innodb_locks AS l ON l.lock_id = x.requested_lock_id
 ORDER BY is_root DESC, waits_s DESC;

-- name: long_transactions(seconds: int = 300)
-- Transactions that have been open for longer than so many seconds.
-- They keep locks, and undo logs grow. Commit in the application, or KILL the session.
-- @requires mariadb>=10.5, privilege:PROCESS
-- @tags transactions
-- @warn rows > 0
SELECT t.trx_mysql_thread_id AS id, p.user, p.host, p.db AS `database`, t.trx_state AS state, t.trx_started AS began,
       TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) AS open_s, p.command, p.time AS in_state_s, t.trx_rows_locked AS rows_locked,
       t.trx_rows_modified AS rows_changed, LEFT(t.trx_query, 200) AS query
  FROM information_schema.innodb_trx AS t LEFT JOIN information_schema.processlist AS p ON p.id = t.trx_mysql_thread_id
 WHERE TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) >= :seconds
 ORDER BY t.trx_started;

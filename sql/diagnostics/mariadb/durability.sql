-- name: durability
-- Settings with which committed transactions can be lost in a crash.
-- Set them back unless the data can be had again.
-- @requires mariadb>=10.5
-- @tags settings
-- @warn rows > 0
SELECT known.setting, known.value, known.risk
  FROM (SELECT 'innodb_flush_log_at_trx_commit' AS setting, @@innodb_flush_log_at_trx_commit AS value, 'the last second of commits is lost' AS risk,
               @@innodb_flush_log_at_trx_commit <> 1 AS bad
        UNION ALL SELECT 'sync_binlog', @@sync_binlog, 'replicas may have commits that this server has lost', @@log_bin = 1 AND @@sync_binlog <> 1
        UNION ALL SELECT 'innodb_doublewrite', @@innodb_doublewrite, 'a crash may leave torn pages', @@innodb_doublewrite = 0) AS known
 WHERE known.bad;

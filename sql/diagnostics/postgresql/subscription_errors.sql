-- name: subscription_errors
-- Subscriptions that have failed to apply or to copy.
-- The server's log has the error. Correct the row on the subscriber, or skip the transaction: ALTER SUBSCRIPTION ... SKIP.
-- @requires pg>=15
-- @tags replication
-- @warn rows > 0
SELECT s.subname AS subscription, s.apply_error_count AS apply_errors, s.sync_error_count AS copy_errors, s.stats_reset AS since
  FROM pg_stat_subscription_stats AS s
 WHERE s.apply_error_count + s.sync_error_count > 0
 ORDER BY s.subname;

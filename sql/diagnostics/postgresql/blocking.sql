-- name: blocking
-- Who blocks whom: each chain of lock waits from the session at its root down to the last one that waits.
-- The root waits for nothing: end its transaction, then the others go on. Depth 0 is the root; pid 0 is a prepared transaction.
-- @requires pg>=13, role:pg_read_all_stats
-- @tags locks
-- @warn rows > 0
WITH RECURSIVE waiting AS MATERIALIZED (
    SELECT DISTINCT ON (pid) pid, mode, locktype, database, relation FROM pg_locks WHERE NOT granted ORDER BY pid
), edges AS MATERIALIZED (
    SELECT DISTINCT w.pid, b.by FROM waiting AS w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b (by)
), chain AS (
    SELECT e.by AS root, e.by AS pid, 0 AS depth, ARRAY[e.by] AS path
      FROM (SELECT DISTINCT by FROM edges WHERE by NOT IN (SELECT pid FROM edges)) AS e
    UNION ALL
    SELECT c.root, e.pid, c.depth + 1, c.path || e.pid
      FROM chain AS c JOIN edges AS e ON e.by = c.pid WHERE e.pid <> ALL (c.path)
), deepest AS (
    SELECT DISTINCT ON (root, pid) root, pid, depth, path FROM chain ORDER BY root, pid, depth DESC
)
SELECT d.root, d.depth, d.pid, d.path[d.depth] AS waits_for,
       (SELECT count(*) FROM deepest AS o WHERE o.root = d.root AND d.pid = ANY (o.path) AND o.pid <> d.pid) AS blocks,
       w.mode, CASE WHEN w.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    THEN coalesce(w.relation::regclass::text, w.locktype) ELSE w.locktype END AS waits_on,
       a.usename AS "user", a.application_name AS application,
       CASE WHEN d.pid = 0 THEN 'prepared transaction' ELSE a.state END AS state,
       date_trunc('milliseconds', clock_timestamp() - a.xact_start) AS transaction_for,
       date_trunc('milliseconds', clock_timestamp() - a.query_start) AS statement_for,
       left(regexp_replace(a.query, '[[:space:]]+', ' ', 'g'), 200) AS query
  FROM deepest AS d
  LEFT JOIN pg_stat_activity AS a ON a.pid = d.pid
  LEFT JOIN waiting AS w ON w.pid = d.pid
 ORDER BY d.root, d.path;

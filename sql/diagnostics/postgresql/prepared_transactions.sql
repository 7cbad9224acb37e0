-- name: prepared_transactions(longer_than: interval = '5 min')
-- Transactions that were prepared for a two-phase commit and are still open.
-- They keep locks and hold back vacuum, even through a restart. End each with COMMIT PREPARED or ROLLBACK PREPARED.
-- @requires pg>=13
-- @tags transactions
-- @warn rows > 0
SELECT gid, database, owner, date_trunc('seconds', clock_timestamp() - prepared) AS open_for,
       age(transaction)::bigint AS transactions_since
  FROM pg_prepared_xacts
 WHERE clock_timestamp() - prepared > :longer_than
 ORDER BY prepared;

"""The statements beside those of the user: they lock, compare, and give the keys of a range."""

from __future__ import annotations

from bulkq import query as queries
from bulkq.dialects import POSTGRESQL, SQLITE
from bulkq.lifecycle.backfill.transform_queries import TransformQueries
from bulkq.model import Batch
from bulkq.model.key_range import KeyColumn, TableKey

KEY = TableKey('"s"."t"', (KeyColumn("a", "int"), KeyColumn("b", "int")))
TEXT = "select a, b, c from t where a = :bulkq_1 and b > :bulkq_lo and b <= :bulkq_hi and c > :least"
BATCH = Batch(0, 7, (("3", "4", "9", "0"),), statement=queries.inline(f"-- name: put\n{TEXT}", "postgres"))
ROWS = [(3, 5, "x")]


def test_the_query_of_a_range_locks_its_rows() -> None:
    """One statement, with the values of the range; the same object for every range of its form."""
    made = TransformQueries(KEY, POSTGRESQL, clause='FOR UPDATE OF "t"', apart=False)
    (step,) = made.again(BATCH, ROWS)
    assert step.query.sql == f'{TEXT}\nFOR UPDATE OF "t"'
    assert (step.params, step.same, step.query.name) == (("3", "4", "9", "0"), ROWS, "put")
    assert made.again(BATCH, ROWS)[0].query is step.query


def test_rows_are_locked_by_a_statement_of_their_own() -> None:
    """In front of the comparison, and only those of the range."""
    lock, compared = TransformQueries(KEY, POSTGRESQL, clause="", apart=True).again(BATCH, ROWS)
    assert "FOR NO KEY UPDATE OF bulkq_t" in lock.query.sql
    assert (lock.query.name, lock.params, lock.same) == ("lock", ("3", "4", "9"), None)
    assert (compared.query, compared.same) == (BATCH.statement, ROWS)


def test_rows_are_compared_without_a_lock() -> None:
    """SQLite has locked its file."""
    (step,) = TransformQueries(KEY, SQLITE, clause="", apart=False).again(BATCH, ROWS)
    assert (step.query, step.same) == (BATCH.statement, ROWS)


def test_keys_of_a_range_and_of_its_rows() -> None:
    """In the order of the key, wherever the query has its columns."""
    made = TransformQueries(KEY, POSTGRESQL, clause="", apart=False)
    query, values = made.keys(BATCH)
    assert (query.sql.partition(" FROM ")[0], values) == ('SELECT "a", "b"', ("3", "4", "9"))
    assert made.keys(BATCH)[0] is query
    assert made.key_of(["c", "b", "a"], ("x", 5, 3)) == (3, 5)

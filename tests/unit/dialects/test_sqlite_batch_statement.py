"""The programs of a query and of a statement for several sets, compared step by step."""

from __future__ import annotations

import sqlite3

import pytest

from bulkq.dialects.sqlite_batch_statement import is_repeated, why_apart

ONE = "select a, b from t where a = ?"


@pytest.fixture(scope="module")
def programs() -> sqlite3.Connection:
    """A database whose EXPLAIN gives texts as bytes."""
    made = sqlite3.connect(":memory:")
    made.executescript("create table t(a integer primary key, b text); create table u(a integer primary key, b text)")
    made.text_factory = bytes
    return made


def explain(base: sqlite3.Connection, text: str) -> list[tuple[object, ...]]:
    """The program of a text."""
    return base.execute(f"explain {text}", (None,) * text.count("?")).fetchall()


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("select a, b, 0 from t where a = ? union all select a, b, 1 from t where a = ?", True),
        ("select a, b, 0 from t where a = ? union all select a, b, 2 from t where a = ?", False),
        ("select a, b, 0 from t where a = ? union all select a, b, 1 from u where a = ?", False),
        ("select a, b, 0 from t where a = ? union all select a, a, 1 from t where a = ?", False),
        ("select a, b, 0 from t where a = ? union all select a, b, 1 from t where +a = ?", False),
        ("select a, b, 0 from t where a = ?", False),
        ("select a, b, 0, 0 from t where a = ? union all select a, b, 1, 1 from t where a = ?", False),
        ("select a, b, 0 from t where a = ? union select a, b, 1 from t where a = ?", False),
    ],
)
def test_only_copies_of_the_same_steps_count(programs: sqlite3.Connection, text: str, *, repeated: bool) -> None:
    """Another number, table, column, plan or form is not the query twice."""
    assert is_repeated(explain(programs, ONE), explain(programs, text), 2) is repeated


def test_a_program_without_an_end_is_no_copy() -> None:
    """Nothing is believed of a program that is not known."""
    assert not is_repeated([], [], 2)
    halt = (1, b"Halt", 2067, 2, 0, b"x", 1, None)
    assert not is_repeated([(0, b"Init", 0, 1, 0, None, 0, None), halt], [], 2)
    assert not is_repeated([(0, b"Trace", 0, 1, 0, None, 0, None), (1, b"Halt", 0, 0, 0, None, 0, None)], [], 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("select upper(b), count(*) from t where a = ?", ""),
        ("select random() from t where a = ?", "it calls random()"),
        ("select value from json_each(?)", "it reads a virtual table"),
    ],
)
def test_what_a_query_may_do(programs: sqlite3.Connection, text: str, why: str) -> None:
    """Functions of their arguments alone, and tables."""
    assert why_apart(explain(programs, text)).startswith(why)
    assert bool(why_apart(explain(programs, text))) is bool(why)

"""How values and lists take their places in a statement for SQLite, without a database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest

from bulkq import query as queries
from bulkq.dialects import SQLITE
from bulkq.drivers.sqlite.bind_parameters import SqliteBinding, to_native

MOST = 250_000
"""Parameters of one statement that the build of SQLite takes."""


def test_placeholders_are_numbered_only_where_needed() -> None:
    """A parameter that stands in the text once is `?`; one that stands there twice stays the same variable."""
    once = SqliteBinding(queries.inline("select :b, :a where :a2 = 1"), {}, typed=False, most=MOST)
    assert once.sample == "select ?, ? where ? = 1"
    twice = SqliteBinding(queries.inline("select :a, :b, :a"), {}, typed=False, most=MOST)
    assert twice.sample == "select ?1, ?2, ?1"
    assert list(twice.calls([("x", "y")])) == [("select ?1, ?2, ?1", ("x", "y"))]


def test_sets_are_put_in_the_order_of_the_text() -> None:
    """Declared parameters may come in another order, and one may stand for an identifier."""
    query = queries.load("-- name: q(b, a)\n-- @param t ident\nselect :a, :b from :{t};", "q.sql")[0]
    names = [p.name for p in query.parameters]
    values = tuple(f"value of {name}" for name in names)
    binding = SqliteBinding(query, {"t": SQLITE.identifier("x")}, typed=False, most=MOST)
    assert binding.sample == "select ?, ? from `x`"
    assert [tuple(call[1]) for call in binding.calls([values])] == [("value of a", "value of b")]


def test_one_of_several_values_is_still_a_tuple() -> None:
    """With identifiers beside it, a single value is taken out of its set."""
    query = queries.inline("-- @param t ident\nselect * from :{t} where id = :id")
    binding = SqliteBinding(query, {"t": "`t`"}, typed=False, most=MOST)
    assert [call[1] for call in binding.calls([("t", "5")])] == [("5",)]
    only = SqliteBinding(queries.inline("-- @param t ident\nselect * from :{t}"), {"t": "`t`"}, typed=False, most=MOST)
    assert [call[1] for call in only.calls([("t",)])] == [()]


def test_lists_become_as_many_placeholders_as_values() -> None:
    """Each length has its own text; values and lists share one numbering."""
    binding = SqliteBinding(
        queries.inline("select :a where 1 in (:ids*) and 2 not in (:ids*) or :a"), {}, typed=False, most=MOST
    )
    calls = list(binding.calls([("x", "[1, 2]"), ("y", '["z"]'), ("w", None)]))
    assert calls[0] == ("select ?1 where 1 IN (?2, ?3) and 2 NOT IN (?2, ?3) or ?1", ("x", 1, 2))
    assert calls[1] == ("select ?1 where 1 IN (?2) and 2 NOT IN (?2) or ?1", ("y", "z"))
    assert calls[2][1] == ("w", None)


def test_texts_are_not_kept_for_ever() -> None:
    """A run with lists of every length does not fill the memory with texts."""
    binding = SqliteBinding(queries.inline("select 1 where 1 in (:ids*)"), {}, typed=True, most=MOST)
    for length in range(1, 600):
        list(binding.calls([([1] * length,)]))
    assert len(binding._texts) <= 256


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((2**63, "[1]"), ":a is an integer of more than 64 bits"),
        (("\ud800", "[1]"), ":a is not valid Unicode"),
        ((object(), "[1]"), ":a is a object"),
        (("x", "{}"), ":ids is not a JSON array"),
        (("x", "nonsense"), ":ids is not a JSON array"),
        (("x", "[]"), ":ids is an empty list"),
        (("x", [2**70]), ":ids is an integer of more than 64 bits"),
        (("x", "[1]"), None),
    ],
)
def test_complaints_name_the_parameter(values: tuple[object, ...], words: str | None) -> None:
    """What cannot be stored is said with its parameter."""
    binding = SqliteBinding(queries.inline("select :a where 1 in (:ids*)"), {}, typed=True, most=MOST)
    complaint = binding.complaint(values)
    assert complaint is None if words is None else words in (complaint or "")


def test_python_values_become_what_sqlite_stores() -> None:
    """Dates are written as SQLite's own functions write them, exact numbers and the rest as text."""
    moment = dt.datetime(2026, 11, 22, 13, 5, 10, tzinfo=dt.UTC)
    assert to_native(moment) == "2026-11-22 13:05:10+00:00"
    assert to_native(moment.date()) == "2026-11-22"
    assert to_native(moment.time()) == "13:05:10"
    assert to_native(Decimal("1.10")) == "1.10"
    assert to_native(UUID(int=1)) == "00000000-0000-0000-0000-000000000001"
    assert to_native(dt.timedelta(minutes=1)) == 60.0
    assert to_native({"a": [1]}) == '{"a": [1]}'
    assert to_native(b"x") == b"x"

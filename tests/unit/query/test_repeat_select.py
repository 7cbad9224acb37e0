"""A simple SELECT several times in one statement."""

from __future__ import annotations

import pytest

from bulkq.query.repeat_select import mark_value, repeat_select

A, B = mark_value(1), mark_value(2)


def test_each_copy_has_its_number_and_its_values() -> None:
    """The number stands behind the columns; values count on from copy to copy, and one that stands twice keeps its number."""
    text = f"select a, {A} -- all\nFrom t where a = {A} and b > {B}"
    assert repeat_select(text, 2, 2) == (
        "select a, ?1 -- all\n, 0 From t where a = ?1 and b > ?2\nUNION ALL\nselect a, ?3 -- all\n, 1 From t where a = ?3 and b > ?4"
    )


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        (f"select (select max(b) from u order by 1 limit 1) from t where a = {A}", True),
        (f"select 'from', \"order\" from t where a = {A}", True),
        (f"select a from t where a = {A} order by a", False),
        (f"select a from t where a = {A} union select 1", False),
        (f"select a is distinct from b from t where a = {A}", False),
        (f"select {A}", False),
        (f"with t as (select 1) select * from t where a = {A}", False),
        (f"delete from t where a = {A}", False),
        (f"select [a from], `b;from`, \"from\"\"\", x'00', 1e5 || 'from' /* from; */ from t where a = {A}", True),
        (f"select 'it''s from' -- from\nfrom t where \u00e4 = {A} and b in (1, (2))", True),
        (f"select a from t where a = {A}; select 1", False),
        (f"(select a from t where a = {A})", False),
        ("", False),
    ],
)
def test_what_is_simple(text: str, *, simple: bool) -> None:
    """One SELECT with one FROM, and nothing that belongs to the whole of a compound statement."""
    assert (repeat_select(text, 1, 2) is not None) is simple

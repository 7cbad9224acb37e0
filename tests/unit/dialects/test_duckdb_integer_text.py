"""Which texts DuckDB would read as another integer, and which parameters meet integers. DuckDB itself makes the plans here."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import duckdb
import pytest

from bulkq.dialects.duckdb_bound_plan import NoPlan, mark, plan_query
from bulkq.dialects.duckdb_integer_text import are_plain, converter, integer_places, is_altered, refused_place

BASE = duckdb.connect()
BASE.execute(
    "create table t (id int primary key, big bigint, name varchar, price decimal(9, 2)); create table u (id int, name varchar); "
    "create table computed (id int, name varchar, twice int as (id * 2))"
)


def places(sql: str) -> set[int]:
    """The places of `{}` that are integers."""
    text = sql.format(*(mark(i) for i in range(sql.count("{}"))))
    return set(integer_places(BASE.execute(plan_query(text)).fetchall()[0][0]))


def test_every_text_that_duckdb_converts_is_the_integer_or_refused() -> None:
    """All texts of up to four of the characters that numbers have."""
    texts = ["".join(letters) for n in (1, 2, 3, 4) for letters in product("0 1.ex_+-b\tina", repeat=n)]
    rows = BASE.execute("select v, try_cast(v as int) from (select unnest(?::varchar[]) as v)", [texts]).fetchall()
    wrong = [(text, found) for text, found in rows if found is not None and not is_altered(text) and found != int(text)]
    assert not wrong
    assert not [text for text, _ in rows if is_altered(text) and text.strip(" \t").lstrip("+-").isdecimal()]


@pytest.mark.parametrize(
    "text", ["2.5", "2.0", " 2.5", "1e0", "0x2", "0b1", "1_0", ".5", "-.5", "+1.", "[1, 2.5]", '{"1e0"}', "1.5,2", "-"]
)
def test_what_is_refused(text: str) -> None:
    """A number, or an item of a list, that is not written as an integer."""
    with pytest.raises(ValueError, match="not written as an integer"):
        converter(declared=False)(text)


@pytest.mark.parametrize(
    "value", ["2", " 2 ", "+2", "-2", "007", "9" * 50, "", "x", "true", "[1, 2]", '["1","2"]', None, 2, 2.5, b"2.5"]
)
def test_what_passes(value: object) -> None:
    """Integers, what DuckDB refuses itself, and numbers of Python's, which DuckDB compares as they are."""
    assert converter(declared=False)(value) is value


def test_numbers_of_python_for_a_declared_type() -> None:
    """The declared type rounds them."""
    convert = converter(declared=True)
    for value in (2.5, Decimal("2.5")):
        with pytest.raises(ValueError, match="integer"):
            convert(value)
    for whole in (2.0, Decimal("2.00"), float("inf"), 3, None):
        assert convert(whole) is whole


@pytest.mark.parametrize(
    ("column", "plain"),
    [
        (["1", "22"], True),
        (["1", None], True),
        (["-1", "+2"], True),
        ([1, 2], True),
        (["1", "2.5"], False),
        ([2.5], False),
    ],
)
def test_whole_columns(column: list[object], plain: bool) -> None:
    """Only the columns that are named count."""
    assert are_plain([("1.5", value) for value in column], [1]) is plain


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select * from t where id = {} and name = {} and price = {}", {0}),
        ("select {}::bigint as x, {}::int[], {}::varchar[], {}::double", {0, 1}),
        ("select id from t where id = try_cast({} as int)", set()),
        ("select id from t where id in ({}, {})", {0, 1}),
        ("delete from t where id = {}", {0}),
        ("update t set big = big + {}, name = {} where id = {}", {0, 2}),
        ("insert into t (id, name) values ({}, {}), ({}, {}) on conflict (id) do update set big = {}", {0, 2, 4}),
        ("insert into u select {}, {}", {0}),
        ("insert into u select {} as id, {} as name", {0}),
        (
            "merge into u using (select {} as id, {} as name) as m on m.id = u.id when not matched then insert values (m.id, m.name)",
            {0},
        ),
        ("with q as (select {} as name, {} as k) delete from t using q where q.k = t.id", {1}),
        ("insert into u select * from (values ({}, {}))", {0}),
        ("update computed set name = {} where id = {}", {1}),  # the definition of the table has a cast to an integer
        ("insert into computed (id, name) values ({}, {})", {0}),
    ],
)
def test_the_places_of_integers(sql: str, found: set[int]) -> None:
    """Where DuckDB converts, whatever the statement is."""
    assert places(sql) == found


def test_a_place_that_duckdb_converts_while_it_plans() -> None:
    """Its message names it."""
    with pytest.raises(NoPlan) as failed:
        places("select * from t, range({})")
    assert refused_place(str(failed.value)) == 0
    with pytest.raises(NoPlan) as failed:
        places("select * from missing where id = {}")
    assert refused_place(str(failed.value)) is None

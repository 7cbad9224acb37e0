"""Which queries give at most one row."""

from __future__ import annotations

import pytest

from bulkq.query import inline, load
from bulkq.query.one_row import AGGREGATES, gives_one_row

ONE = [
    "select count(*) from events where x is null",
    "SELECT min(process()) a, max(process()) b FROM big",
    "select f(count(*)) from t limit 1",
    "select count(f()), sum(f(x)) filter (where f(x)) from t",
    "select max(a), count(distinct (a, b)) filter (where (a > 1)) from t where f(x) > 1",
    "select coalesce(sum(x)::numeric(10,2), 0) as group from t",
    "select cast(avg(x) as numeric(10, 2)) from t, generate_series(1, 3)",
    "select percentile_cont(0.5) within group (order by x) filter (where x > 0) from t",
    "select count(*) is distinct from 5, extract(year from max(d)) from t order by 1",
    "select count(*) - (select f(x) from u) from t",
    "select sum(count(*)) over () from t",
    "select (array_agg(x))[1], :from, t.group from t",
    "select 1 from t having (select true)",
    "with q as (select a from t group by a union select 1) select count(*) from q",
    "with recursive q(a) as (values (1) union all select a + 1 from q) select max(a) from q where a < :n",
    "select 1",
    "select (1)",
    "select exists (select f() from t group by a)",
    "select not exists (select from t), array(select f()), :x in (values (1), (2)), (table t limit 1)",
    "select (with q as (select f()) select * from q)",
    "select current_date, now() where 1 in (:ids*)",
    "select f(x) from t group by a order by b limit 1",
    "select a from t limit 0 offset 3",
    "select a from t union select b from u offset 3 limit 1",
    "select a from t limit 1 for share",
    "select a from t fetch first row only",
    "select a from t fetch next 1 rows only",
    "values (1), (2) limit 1",
    "table t limit 1",
]

MORE = [
    "select a from t",
    "select count(*) from t group by a",
    "select count(*) from t group by ()",
    "select count(*) from t union all select 1",
    "select count(*) from t intersect select 1",
    "select sum(x) over (order by a) from t",
    "select sum(x) filter (where x > 1) over w from t window w as (order by a)",
    "select count(*), generate_series(1, 3) from t",
    "select f(count(*)) from t",
    "select sum(f(x)) over () from t",
    "select unnest(array[1, 2])",
    'select "count"(*) from t',
    "select public.count(a) from t",
    "select :{f}(a)",
    "select a from t limit :n",
    "select a from t limit 1 + 4",
    "select a from t limit (1)",
    "select a from t limit 10",
    "select a from t limit all",
    "select a from t fetch first 2 rows only",
    "select a from t fetch first row with ties",
    "select a from t fetch first 1 rows with ties",
    "select a from (select a from t limit 1) as q, u",
    "select (select count(*) from u) from t",
    "select a from t where a = (select max(a) from t)",
    "select a as limit from t",
    "values (1), (2)",
    "table t",
    "(select count(*) from t)",
    "show all",
    "with q as (select 1) delete from t where a = 1",
    "explain select count(*) from t",
    "with q as (select 1)",
]


def _tells(sql: str) -> bool:
    declared = "-- @param f ident\n" if ":{f}" in sql else ""
    (query,) = load(f"-- name: q\n{declared}{sql}", None, "postgres")
    return query.one_row


@pytest.mark.parametrize("sql", ONE)
def test_it_gives_at_most_one_row(sql: str) -> None:
    """An aggregate without GROUP BY, a SELECT without FROM, and LIMIT 1 give at most one row."""
    assert _tells(sql)


@pytest.mark.parametrize("sql", MORE)
def test_it_may_give_several_rows(sql: str) -> None:
    """Groups, set operations, window functions, unknown functions and other limits may give several rows."""
    assert not _tells(sql)


def test_no_tokens_are_not_one_row() -> None:
    """The answer is no if there is no statement."""
    assert not gives_one_row(())


@pytest.mark.parametrize("sql", ["select sum(x from t", "select (", "select sum(x) filter"])
def test_a_wrong_statement_raises_nothing(sql: str) -> None:
    """The server reports what is wrong with a statement."""
    assert _tells(sql) in {True, False}


@pytest.mark.parametrize("name", sorted(AGGREGATES))
def test_an_aggregate_gives_one_row(name: str) -> None:
    """Each aggregate makes one row of a table, in any case of its letters."""
    assert inline(f"select {name.lower()}(x) from t", "postgres").one_row

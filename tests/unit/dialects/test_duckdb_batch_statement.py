"""What DuckDB's plans say of a query. DuckDB itself makes the plans here."""

from __future__ import annotations

import json

import duckdb
import pytest

from bulkq.dialects.duckdb_batch_statement import (
    BoundPlan,
    NoPlan,
    catalog_query,
    mark,
    plan_query,
    read_plan,
    same_calls,
    same_with_null,
    set_text,
    type_name,
    type_of_mark,
    unstable,
    value_name,
)

BASE = duckdb.connect()
BASE.execute(
    "create table t (id int primary key, big bigint, name varchar, cased varchar collate nocase, ratio double, price decimal(12, 4), "
    "took interval, kind enum('a', 'b'), zoned timestamptz, at_ timestamp, tags varchar[])"
)


def plan(sql: str) -> BoundPlan:
    """The plan of `sql` with marks for `{}`."""
    text = sql.format(*(mark(i) for i in range(sql.count("{}"))))
    return read_plan(BASE.execute(plan_query(text)).fetchall()[0][0])


def unsteady(sql: str) -> str:
    """A function in `sql` that is not the same for each execution."""
    found = plan(sql)
    return unstable(found, BASE.execute(catalog_query(found)).fetchall())


@pytest.mark.parametrize(
    ("sql", "types"),
    [
        ("select * from t where id = {} and big = {} and name = {}", ["INTEGER", "BIGINT", "VARCHAR"]),
        ("select {} || name, {}::decimal(10, 2), try_cast({} as int) from t", ["VARCHAR", "DECIMAL(10,2)", "VARCHAR"]),
        ("select * from t where cased = {} and kind = {}", ["", "VARCHAR"]),
        ("select {}::int[]", [""]),
    ],
)
def test_the_type_of_a_value(sql: str, types: list[str]) -> None:
    """It is the one that DuckDB converts the literal to, if it has a simple name."""
    found = plan(sql)
    assert [type_of_mark(found, place) for place in range(len(types))] == types
    assert type_of_mark(found, 99) == ""


@pytest.mark.parametrize(
    ("sql", "order"),
    [
        ("select * from t where id = {} order by name", ""),
        ("select count(*), count(ratio), min(name), sum(price) from t", ""),
        ("select name, count(*) from t group by name", ""),
        ("select distinct name, price from t", ""),
        ("select exists (select 1 from t where id = {})", ""),
        ("select a.id from t a join t b using (id) left join t c using (id) union all select 1", ""),
        ("select id from t limit 1", "LIMIT"),
        ("select max(n) from (select id as n from t limit 1)", "LIMIT"),
        ("select sum(ratio) from t", "sum()"),
        ("select max(cased) from t", "arg_max()"),
        ("select any_value(id) from t", "any_value()"),
        ("select took from t group by took", "GROUP BY"),
        ("select distinct ratio from t", "DISTINCT"),
        ("select distinct on (id) id from t", "DISTINCT"),
        ("select rank() over (order by id) from t", "WINDOW"),
        ("select * from t tablesample 10%", "SAMPLE"),
        ("select * from duckdb_tables()", "duckdb_tables()"),
        ("select * from range(3)", ""),
    ],
)
def test_what_depends_on_the_order_of_rows(sql: str, order: str) -> None:
    """Everything that is not known not to."""
    assert plan(sql).order == order


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        (
            "select id + 1, upper(name), year(at_), at_ + interval 1 day, name like 'x%' from t where id = {} and big > 1",
            "",
        ),
        ("select random()", "random"),
        ("select now()", "now"),
        ("select year(zoned) from t", "year"),
        ("select hash(id) from t", "hash"),
        ("select list_transform(tags, lambda x: x || uuid()) from t", "uuid"),
        ("select 1", ""),
    ],
)
def test_functions_that_are_not_consistent(sql: str, name: str) -> None:
    """By the overload that is called."""
    assert unsteady(sql) == name


def test_a_function_that_the_catalog_lacks() -> None:
    """Nothing is known of it."""
    found = plan("select upper(name) from t")
    assert unstable(found, []) == "upper"
    assert unstable(found, [("upper", ["VARCHAR", "VARCHAR"], "VOLATILE")]) == ""
    assert unstable(found, [("upper", ["ANY"], "VOLATILE")]) == "upper"
    assert unstable(found, [("upper", None, "VOLATILE")]) == ""


def test_the_statement_for_all_sets() -> None:
    """It gives each set the rows of its own execution, with its number."""
    BASE.execute("create or replace table u as select i::int as id, 'n' || i as name from range(5) as r(i)")
    text = f"select name, {value_name(1)} as v from u where id = {value_name(0)}"
    sql = set_text(text, [("$1", "INTEGER"), ("$2", "VARCHAR")])
    found = BASE.execute(sql, [["3", "9", None, "3"], ["a", "b", "c", None]]).fetchall()
    assert sorted(found) == [(0, "n3", "a"), (3, "n3", None)]
    single = plan("select name, {} as v from u where id = {}")
    together = plan(set_text(text, [("[]", "INTEGER"), ("[]", "VARCHAR")]))
    assert same_calls(single, together)
    assert not same_calls(plan("select lower({}) from u where id = {}"), together)
    assert not same_calls(single, plan(set_text(f"select {value_name(0)}::bigint", [("[]", "INTEGER")])))


def test_a_null_has_no_type() -> None:
    """It may choose another function."""
    assert same_with_null(plan("select upper({})"), plan("select upper(NULL)"))
    assert not same_with_null(plan("select row({}, 1)"), plan("select row(NULL, 1)"))


def test_what_has_no_plan() -> None:
    """DuckDB's words without our mark."""
    with pytest.raises(NoPlan, match="no_such") as found:
        plan("select * from no_such where id = {}")
    assert "bulkq" not in str(found.value)
    with pytest.raises(NoPlan, match=":value"):
        plan("select * from range({}::int)")


def test_names_of_types() -> None:
    """Equal types have equal names; only simple ones can be written."""
    assert type_name({"id": "INTEGER", "type_info": None}) == "INTEGER"
    info = {"alias": "", "width": 4, "scale": 1}
    assert type_name({"id": "DECIMAL", "type_info": info}) == "DECIMAL(4,1)"
    assert type_name({"id": "DECIMAL", "type_info": {**info, "alias": "money"}}) == (
        f"DECIMAL:{json.dumps({**info, 'alias': 'money'}, sort_keys=True)}"
    )

"""What DuckDB's plans say of a query. DuckDB itself makes the plans here."""

from __future__ import annotations

import json

import pytest

from bulkq.dialects.duckdb_bound_plan import NoPlan, type_name, type_of_mark
from tests.support.duckdb_plans import plan


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

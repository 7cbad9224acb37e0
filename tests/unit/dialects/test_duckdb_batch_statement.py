"""One statement for all sets on DuckDB, judged by plans that DuckDB itself makes."""

from __future__ import annotations

import pytest

from bulkq.dialects.duckdb_batch_statement import (
    catalog_query,
    same_calls,
    same_with_null,
    set_text,
    unstable,
    value_name,
)
from tests.support.duckdb_plans import BASE, plan


def unsteady(sql: str) -> str:
    """A function in `sql` that is not the same for each execution."""
    found = plan(sql)
    return unstable(found, BASE.execute(catalog_query(found)).fetchall())


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

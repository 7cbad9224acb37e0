"""The statement for all sets of a batch on DuckDB: its text, its values, and the reasons why there is none."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from bulkq.drivers.bind_parameters import Binding
from bulkq.drivers.dbapi.adapter_return_types import SetStatement
from bulkq.drivers.dbapi.adapters.duckdb_batch_statement import set_statement
from bulkq.drivers.dbapi.adapters.parameters import convert, style_of
from bulkq.drivers.dbapi.statement import SqlStatement
from bulkq.model import Decoding
from bulkq.query import load

CAST = "CAST({} AS {})"


class Session:
    """DuckDB itself, as an adapter sees it."""

    def __init__(self, *statements: str) -> None:
        """Execute `statements`."""
        self.connection: Any = duckdb.connect()
        for statement in ("create table t (id int primary key, name varchar, ratio double)", *statements):
            self.connection.execute(statement)

    @property
    def cursor(self) -> Any:
        """Of DuckDB."""
        return self.connection

    def ask(self, text: str) -> list[tuple[object, ...]]:
        """Execute a statement and give its rows."""
        return list(self.connection.execute(text).fetchall())


def made(sql: str, *statements: str, typed: bool = False) -> SetStatement | str:
    """The statement for all sets of `sql`, after `statements`."""
    (query,) = load(sql if sql.startswith("-- ") else f"-- name: q\n{sql}", "q.sql", "duckdb")
    style = style_of("numeric_dollar", convert, CAST, text=True)
    statement = SqlStatement(
        query=query,
        columns=(),
        returns_rows=True,
        parameter_types=(),
        single=False,
        binding=Binding(query, {}, typed=typed, style=style),
        decoding=Decoding.TEXT,
    )
    return set_statement(Session(*statements), statement, CAST)


def test_a_parameter_is_one_list_for_each_type_that_it_gets() -> None:
    """Each place in the text has the type that DuckDB converts its value to."""
    statement = made("-- name: q(k: integer, n)\nselect name, :n as n from t where id = :k and name = :n and id = :n")
    assert isinstance(statement, SetStatement)
    assert statement.one_row
    assert "unnest(CAST($1 AS VARCHAR[])) AS v0" in statement.text
    assert "unnest(CAST(CAST($2 AS VARCHAR[]) AS INTEGER[])) AS v1" in statement.text
    assert "unnest(CAST(CAST($1 AS VARCHAR[]) AS INTEGER[])) AS v2" in statement.text
    assert "id = CAST(bulkq_sets.v1 AS integer) and name = bulkq_sets.v0 and id = bulkq_sets.v2" in statement.text
    assert statement.bind([("1", "a"), (None, "b")]) == [["1", None], ["a", "b"]]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select * from t where id = :k limit 1", "order of rows: LIMIT"),
        ("select random() from t where id = :k", "random() may give something else"),
        ("select :k::int[]", ":k has no type of its own"),
        ("select * from no_such where id = :k", "no plan of it: Table with name no_such"),
    ],
)
def test_why_there_is_none(sql: str, why: str) -> None:
    """The reason is for the plan of a run."""
    found = made(sql)
    assert isinstance(found, str)
    assert why in found


def test_a_subquery_that_may_take_any_row() -> None:
    """It is a setting of DuckDB, which otherwise fails for several rows."""
    found = made("select * from t where id = :k", "set scalar_subquery_error_on_multiple_rows = false")
    assert found == "scalar_subquery_error_on_multiple_rows is off"


def test_values_that_do_not_travel_together() -> None:
    """DuckDB would unify Python's types, and a NULL alone has no type."""
    statement = made("select id from t where (id, name) = (:k, :n)", typed=True)
    assert isinstance(statement, SetStatement)
    assert statement.bind([("1", "a")]) == [["1"], ["a"]]
    with pytest.raises(ValueError, match=":k is not text"):
        statement.bind([("1", "a"), (2, "a")])
    with pytest.raises(ValueError, match=":n is NULL"):
        statement.bind([("1", None)])

"""The statement for all sets of a batch on PostgreSQL, in the placeholders of each library."""

from __future__ import annotations

import pytest

from bulkq.dialects.postgresql_text_cast import Conversion, InputMethod
from bulkq.drivers.bind_parameters import Binding
from bulkq.drivers.dbapi.adapter_return_types import SetStatement
from bulkq.drivers.dbapi.adapters.parameters import convert, style_of
from bulkq.drivers.dbapi.adapters.postgresql_batch_statement import written
from bulkq.drivers.dbapi.statement import SqlStatement
from bulkq.model import Column, Decoding
from bulkq.query import inline

SQL = "select a % 2, :b from t where a = :a and b <> :b"


def made(paramstyle: str, *, typed: bool = False, columns: int = 2) -> SetStatement | str:
    """The statement for `SQL`, of a library with this style."""
    query = inline(SQL, "postgres")
    style = style_of(paramstyle, convert, "{}::{}", text=True)
    statement = SqlStatement(
        query=query,
        columns=tuple(Column(f"c{i}") for i in range(columns)),
        returns_rows=True,
        parameter_types=("text", "int4"),
        single=False,
        binding=Binding(query, {}, typed=typed, style=style),
        decoding=Decoding.TEXT,
        conversions={"a": Conversion("int4", InputMethod.CAST), "b": Conversion("text", InputMethod.CAST)},
    )
    return written(statement, style)


@pytest.mark.parametrize(
    ("paramstyle", "arrays", "values"),
    [
        ("format", "%s::text[], %s::text[]", ('{"x",NULL}', '{"1","2"}')),
        ("pyformat", "%s::text[], %s::text[]", ('{"x",NULL}', '{"1","2"}')),
        ("numeric_dollar", "$1::text[], $2::text[]", ('{"x",NULL}', '{"1","2"}')),
        ("named", ":p1::text[], :p2::text[]", {"p1": '{"x",NULL}', "p2": '{"1","2"}'}),
    ],
)
def test_each_parameter_is_one_array(paramstyle: str, arrays: str, values: object) -> None:
    """However often it stands in the text; `%` is doubled where the library wants that."""
    statement = made(paramstyle)
    assert isinstance(statement, SetStatement)
    assert f"unnest({arrays})" in statement.text
    assert statement.text.count("bulkq_sets.bulkq_sets_v1") == 2
    assert ("a %% 2" in statement.text) is ("format" in paramstyle)
    assert statement.bind([("x", "1"), (None, "2")]) == values


def test_values_that_have_no_text_do_not_travel_together() -> None:
    """The sets are executed one by one then, and the library refuses the one."""
    statement = made("format")
    assert isinstance(statement, SetStatement)
    with pytest.raises(ValueError, match="not text"):
        statement.bind([("x", "1"), (object(), "2")])


def test_some_statements_have_no_such_form() -> None:
    """With values of Python's types, or without columns that are known."""
    assert made("format", typed=True) == "its values are of Python's types"
    assert made("format", columns=0) == "the server does not take it as a subquery"

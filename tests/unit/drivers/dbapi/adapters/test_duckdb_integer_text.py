"""The parameters that DuckDB converts to integers, and their values that are refused."""

from __future__ import annotations

import duckdb
import pytest

from bulkq.drivers.bind_parameters import UNENCODABLE, Binding
from bulkq.drivers.dbapi.adapters.duckdb_integer_text import bad_values, guard
from bulkq.drivers.dbapi.adapters.parameters import convert, style_of
from bulkq.drivers.dbapi.statement import SqlStatement
from bulkq.model import Decoding
from bulkq.query import load

CAST = "CAST({} AS {})"


class Asking:
    """DuckDB itself, as an adapter sees it."""

    def __init__(self) -> None:
        """Make a table."""
        self.connection = duckdb.connect()
        self.cursor = self.connection
        self.connection.execute("create table t (id int primary key, name varchar)")
        self.connection.execute("create table b (v blob, items blob[])")

    def ask(self, text: str) -> list[tuple[object, ...]]:
        """Execute a statement and give its rows."""
        return list(self.connection.execute(text).fetchall())


def guarded(sql: str) -> SqlStatement:
    """`sql` with a guarded binding."""
    (query,) = load(sql if sql.startswith("-- ") else f"-- name: q\n{sql}", "q.sql", "duckdb")
    binding = Binding(query, {}, typed=False, style=style_of("numeric_dollar", convert, CAST, text=True))
    guard(Asking(), query, binding, CAST)  # type: ignore[arg-type]  # its own connection
    types = tuple(p.type or "" for p in query.parameters)
    return SqlStatement(query, (), None, types, single=False, binding=binding, decoding=Decoding.TEXT)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select * from t where id = :a and name = :b", {"a"}),
        ("delete from t where id in (:a*) or name = :b", {"a"}),
        ("-- name: q(a: bigint[], b: text)\ndelete from t where id in (:a*) or name = :b", {"a"}),
        ("-- name: q(a: integer)\ninsert into t select :a, :a::varchar", {"a"}),
        ("select * from range(:a, :b) limit :c", {"a", "b", "c"}),
        ("select 1", set()),
        ("select * from missing where id = :a", set()),
        ("select * from t where name = :a", set()),
        ("insert into b values (:v, :items)", {"v", "items"}),
    ],
)
def test_which_parameters_are_guarded(sql: str, names: set[str]) -> None:
    """Integers and bytes, also in lists, and where DuckDB converts a value before it has a plan."""
    assert set(guarded(sql).binding.converters) == names


def test_sets_of_digits_stay_as_they_are() -> None:
    """A set with a bad value cannot be encoded; the others go on."""
    statement = guarded("select * from t where id = :a and name = :b")
    plain = [("1", "1.5"), ("2", None), (" 3 ", "x")]
    assert [values for _, values in statement.binding.calls(plain)] == plain
    bad = [("1", "x"), ("1.5", "x")]
    assert [values for _, values in statement.binding.calls(bad)] == [("1", "x"), (UNENCODABLE, UNENCODABLE)]
    assert statement.binding.complaint(bad[0]) is None
    assert str(statement.binding.complaint(bad[1])).startswith(":a: is not written as an integer")
    assert [(one.position, one.parameter, one.type, one.sqlstate) for one in bad_values(statement, bad)] == [
        (1, 0, "integer", "22P02")
    ]


def test_bytes_without_a_declared_type() -> None:
    """Digits that DuckDB would read as other bytes are refused with the next step, beside an integer that is none."""
    statement = guarded("insert into b select :v, :items where 1 = :n")
    found = list(bad_values(statement, [(r"\x00ff", "[]", "1"), ("abc", r'["\\x00"]', "1.5"), (r"\x41", None, "1")]))
    assert [(bad.position, bad.type, bad.sqlstate) for bad in found] == [
        (0, "blob", "22000"),
        (1, "blob", "22000"),
        (1, "integer", "22P02"),
    ]
    assert "declare the parameter as blob" in found[0].message
    assert "unhex()" in found[1].message

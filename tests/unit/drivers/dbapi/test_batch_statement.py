"""One statement for all sets of a batch through a DB-API library, here sqlite3 with JSON."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, cast

import pytest
from sqlalchemy.dialects.sqlite import dialect

from bulkq.drivers.dbapi.adapter_return_types import SetStatement
from bulkq.drivers.dbapi.adapters.base import Adapter
from bulkq.drivers.dbapi.batch_statement import SEVERAL_ROWS
from bulkq.drivers.dbapi.blocking_session import SqlSession
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits
from bulkq.query import inline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.drivers.dbapi.adapter_return_types import Probe
    from bulkq.drivers.dbapi.pep249 import DbapiConnection
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.model import ParameterSet

READS = Limits(read_only=True, together=True)
EACH = "select p.key, upper(p.value) as up from json_each(?) as p order by p.key desc"


class JsonAdapter(Adapter):
    """SQLite, whose `json_each` takes a batch apart."""

    text = EACH
    one_row = True

    def set_statement(self, asking: Probe, statement: SqlStatement) -> SetStatement | str:
        """`text`, if SQLite takes it."""
        asking.ask(f"explain {self.text.replace('?', 'NULL')}")
        return SetStatement(self.text, _bind, self.one_row) if "name" in statement.binding.parameters else "no name"


def _bind(sets: Sequence[ParameterSet]) -> tuple[str]:
    values = [value for (value,) in sets]
    if not all(isinstance(value, str) for value in values):
        raise ValueError("not all values are texts")
    return (json.dumps(values),)


def session(adapter: type[JsonAdapter] = JsonAdapter) -> SqlSession:
    """A session on a database in memory."""
    connection = cast("DbapiConnection", sqlite3.connect(":memory:"))
    made = SqlSession(connection, adapter(dialect()), read_only=True, breathe=lambda: None)
    made.watch(None)
    return made


def prepared(made: SqlSession, sql: str = "select upper(:name) as up") -> SqlStatement:
    """A query that was asked about."""
    statement = made.prepare(inline(sql, "sqlite"), {}, Decoding.PYTHON, typed=True)
    made.share(statement)
    return statement


def test_rows_come_back_in_the_order_of_the_sets() -> None:
    """Whatever order the one statement gives them in."""
    made = session()
    statement = prepared(made)
    assert statement.apart == ""
    reply = made.attempt(statement, [("a",), ("b",), ("a",)], READS, None, None)
    assert reply.together
    assert list(reply.positions) == [0, 1, 2]
    assert [column.name for column in reply.columns] == ["up"]
    assert [list(column) for column in reply.values] == [["A", "B", "A"]]


def test_several_rows_of_a_set_end_it() -> None:
    """Their order is not known; from then on each set is executed by itself."""

    class Doubled(JsonAdapter):
        text = "select p.key, p.value from json_each(?) as p, json_each('[1, 2]') as q"

    made = session(Doubled)
    statement = prepared(made)
    with pytest.raises(DatabaseError, match=SEVERAL_ROWS) as found:
        made.attempt(statement, [("a",), ("b",)], READS, None, None)
    assert found.value.together
    assert (statement.together, statement.apart) == (None, SEVERAL_ROWS)


def test_values_that_cannot_travel_together_fail_the_batch_alone() -> None:
    """No set is named; the next batch may go well."""
    made = session()
    statement = prepared(made)
    with pytest.raises(DatabaseError, match="not all values") as found:
        made.attempt(statement, [("a",), (1,)], READS, None, None)
    assert (found.value.together, found.value.position) == (True, None)
    assert made.attempt(statement, [("a",), ("b",)], READS, None, None).together


def test_reasons_against_it_are_told() -> None:
    """The text, the adapter or the database may refuse it."""

    class Wrong(JsonAdapter):
        text = "select key from missing where ?"

    assert prepared(session(), "select 1").apart == "it has no parameter"
    assert prepared(session(), "select :other as up").apart == "no name"
    assert "no such table: missing" in str(prepared(session(Wrong)).apart)

"""Spans and durations of attempts, of real runs on SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

import bulkq
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import UsageError
from bulkq.model import Decoding, Limits, Query
from bulkq.telemetry.trace_connection import TracedConnection, trace_connection

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def url(tmp_path: Path) -> str:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("create table t (id integer primary key, note text)")
    connection.commit()
    connection.close()
    return f"sqlite:///{tmp_path}/a.db"


async def test_each_attempt_of_a_batch_is_a_span(url: str, exported: Any) -> None:
    """By the conventions for databases, below the span of the run, without texts and values."""
    async with bulkq.open(url) as db:
        summary = await db.execute(
            "insert into t values (:id, 'literal secret')", [{"id": n} for n in range(1, 41)], write=True
        )
    spans = exported.spans()
    run = next(span for span in spans if span.name == "bulkq run")
    attempts = [span for span in spans if span is not run]
    assert summary.ok == 40
    assert len(attempts) == summary.attempts
    assert {span.parent.span_id for span in attempts} == {run.context.span_id}
    assert sum(span.attributes.get("db.operation.batch.size", 1) for span in attempts) == 40
    assert all(span.attributes["db.system.name"] == "sqlite" for span in attempts)
    assert {span.attributes["db.operation.name"] for span in attempts} <= {"INSERT", "BATCH INSERT"}
    assert all(span.name == span.attributes["db.query.summary"] for span in attempts)
    assert run.attributes["bulkq.run.sets.ok"] == 40
    assert run.attributes["bulkq.run.id"] == summary.run
    assert "secret" not in "".join(span.to_json() for span in spans)
    durations = exported.points("db.client.operation.duration")
    assert sum(point.count for point in durations) == summary.attempts
    ended = {point.attributes["bulkq.outcome"]: point.value for point in exported.points("bulkq.run.sets")}
    assert ended == {"ok": 40, "failed": 0, "unknown": 0}


async def test_a_failed_attempt_has_the_type_of_its_error(url: str, exported: Any) -> None:
    """The SQLSTATE or the class of the error, and not its message, which may hold values."""
    async with bulkq.open(url) as db:
        summary = await db.execute("insert into t values (:id, json(:id))", [{"id": "{secret"}], write=True)
    failed = [span for span in exported.spans() if "error.type" in span.attributes]
    assert summary.failed == 1
    assert failed
    assert all(span.status.status_code.name == "ERROR" and not span.status.description for span in failed)
    assert failed[0].attributes["db.response.status_code"] == failed[0].attributes["error.type"]
    assert "secret" not in "".join(span.to_json() for span in exported.spans())


async def test_a_traced_connection_is_a_connection(url: str, exported: Any) -> None:
    """The same methods with the same answers; pieces of a result are in one span, which ends with the last one."""
    async with bulkq.open(url) as db:
        connection: Any = await db._sessions_for(write=False).open()
        assert isinstance(connection, TracedConnection)
        assert trace_connection(connection, "x") is connection
        assert await connection.administer(["select 1"]) == [(1,)]
        query = Query("numbers", "values (1), (2), (3)", verb="VALUES")
        statement = await connection.prepare(query, Decoding.TEXT, typed=True, identifiers={})
        assert await connection.check(statement, [()]) == []
        assert await connection.why_apart(statement) is not None
        pieces = [piece async for piece in connection.stream(statement, (), Limits())]
        assert sum(len(piece.positions) for piece in pieces) == 3
        with pytest.raises(UsageError):
            await connection.copy(statement, ",", Limits(), bytes)
        await connection.close()
    assert [(span.name, "error.type" in span.attributes) for span in exported.spans()] == [
        ("VALUES numbers", False),
        ("VALUES numbers", True),
    ]


def test_every_method_of_a_traced_connection_is_that_of_its_connection() -> None:
    """A default that is inherited would do without what the driver knows: the warnings of a command, for example."""
    methods = {name for name in vars(BaseConnection) if not name.startswith("_")}
    assert methods
    assert methods <= set(vars(TracedConnection))


async def test_a_traced_command_is_a_span(url: str, exported: Any) -> None:
    """Its rows come from the connection; a connection with the required methods alone has no commands."""
    async with bulkq.open(url) as db:
        connection: Any = await db._sessions_for(write=False).open()
        reply = await connection.command("PRAGMA user_version", timeout_s=1.0, lock_timeout_s=1.0)
        assert reply.rows == ((0,),)
        assert list(await connection.catalog_rows("select 1, 'a'", timeout_s=1.0)) == [(1, "a")]
        await connection.close()
    assert [span.name for span in exported.spans()] == ["PRAGMA command"]
    bare = TracedConnection(cast("Any", SimpleNamespace(server=SimpleNamespace(product="", database=""))), "x")
    with pytest.raises(UsageError, match="leave the target out"):
        await bare.command("VACUUM", timeout_s=None, lock_timeout_s=None)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("postgresql://alice@db7:5433/shop", {"server.address": "db7", "server.port": 5433}),
        ("mysql://db7/shop", {"server.address": "db7"}),
        ("prod", {}),
        ("odd://[x", {}),
    ],
)
def test_the_server_is_that_of_the_label(label: str, expected: dict[str, object]) -> None:
    """A target with a name has no address: the name is for people."""
    from bulkq.telemetry.trace_connection import _fixed

    connection = SimpleNamespace(server=SimpleNamespace(product="PostgreSQL", database="shop"))
    assert _fixed(connection, label) == {"db.system.name": "postgresql", "db.namespace": "shop", **expected}  # type: ignore[arg-type]


def test_without_opentelemetry_nothing_is_loaded(url: str) -> None:
    """A run imports nothing of it, and has the connections of its driver."""
    code = f"""
import asyncio, sys, bulkq
async def main():
    async with bulkq.open({url!r}) as db:
        await db.execute("select 1")
        assert "Traced" not in type(await db._sessions_for(write=False).open()).__name__
asyncio.run(main())
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

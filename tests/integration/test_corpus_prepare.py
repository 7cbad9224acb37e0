"""The corpus of the query scanner on real servers: what we call a placeholder, the server takes for a parameter."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from bulkq.model import StatementClass
from tests.support.corpus import POSTGRES, POSTGRES_SCHEMA, SQLITE, SQLITE_SCHEMA, Case, named, numbered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def session(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A session whose search path is a schema of its own, with the tables of the corpus."""
    schema = f"corpus_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres_url, timeout=10, command_timeout=10)
    await connection.execute(f"create schema {schema}; set search_path to {schema}; {POSTGRES_SCHEMA}")
    yield connection
    await connection.execute(f"drop schema {schema} cascade")
    await connection.close(timeout=5)


@pytest.fixture(scope="module")
def lite() -> Iterator[sqlite3.Connection]:
    """An SQLite database in memory with the tables of the corpus."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SQLITE_SCHEMA)
    yield connection
    connection.close()


@pytest.mark.parametrize("case", [c for c in POSTGRES if c.served], ids=lambda c: c.sql[:60])
async def test_postgres_finds_the_same_parameters(session: asyncpg.Connection, case: Case) -> None:
    """PostgreSQL prepares the rendered statement and counts as many parameters as the scanner."""
    text, count = numbered(case.query())
    if "merge into" in text and session.get_server_version() < (15, 0):
        pytest.skip("MERGE came with PostgreSQL 15")
    statement = await session.prepare(text)
    assert len(statement.get_parameters()) == count


@pytest.mark.parametrize("case", [c for c in SQLITE if c.served], ids=lambda c: c.sql[:60])
def test_sqlite_compiles_the_same_parameters(lite: sqlite3.Connection, case: Case) -> None:
    """SQLite compiles the rendered statement and asks for no other parameter than the scanner found."""
    query = case.query()
    lite.execute(f"EXPLAIN {named(query)}", {p.name: None for p in query.parameters}).fetchall()


READS = [
    case
    for case in POSTGRES
    if case.served and not case.found and case.statement is StatementClass.READ and "for update" not in case.sql
]


@pytest.mark.parametrize("case", READS, ids=lambda c: c.sql[:60])
async def test_postgres_runs_our_reads_read_only(session: asyncpg.Connection, case: Case) -> None:
    """PostgreSQL executes in a READ ONLY transaction what the scanner calls a read."""
    async with session.transaction(readonly=True):
        await session.fetch(numbered(case.query())[0])

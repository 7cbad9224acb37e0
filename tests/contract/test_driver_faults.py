"""Values whose input function or domain raises an error of any class, over every driver of PostgreSQL: the fault of their set alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits, Outcome
from bulkq.policy import retry
from bulkq.query import inline
from tests.support.databases import Database, connected, fresh
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Iterator


DRIVERS = ("asyncpg", "psycopg", "psycopg2")
WRITES = Limits(timeout_s=20, read_only=False)

STATES = ("APP01", "XX000", "0A000", "22P05", "38001", "42501", "54001", "55000", "F0000", "P0001", "HV000")
"""Of every kind of class: a user's own, an internal error, what is not supported, foreign data, permissions."""

MADE = (
    """\
create function upper_only(v text) returns boolean language plpgsql as $$ begin
  if v !~ '[a-z]' then return true; end if;
  raise exception 'code % is not upper case', v using errcode = upper(substr(v, 2, 5));
end $$""",
    "create domain code as text check (upper_only(value))",
    "create type place as (x int, y int)",
    "create table kept (id int, c code, cs code[], p place)",
    "create table noted (v text)",
    """\
create function note(v text) returns boolean language plpgsql as $$ begin
  insert into noted values (v); return true;
end $$""",
    "create domain noting as text check (note(value))",
    "create table with_notes (v noting)",
)


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """A driver of PostgreSQL."""
    return str(request.param)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    """A domain whose check raises the error that the value names."""
    made = fresh("postgresql", request)
    made.execute(*MADE)
    return made


async def test_the_check_names_each_bad_value_whatever_its_class(database: Database, driver: str) -> None:
    """Before the start, a bad value is found by its position, with its own SQLSTATE and message."""
    values = ["AB", *(f"a{state.lower()}" for state in STATES), "CD", None]
    async with connected(database, driver) as connection:
        query = inline("insert into kept (c) values (:c)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        bad = await connection.check(statement, [(value,) for value in values])
    assert [(one.position, one.sqlstate) for one in bad] == list(enumerate(STATES, 1))
    assert bad[0].message == "code aapp01 is not upper case"


@pytest.mark.parametrize("state", ["08006", "53200", "57014", "57P01"])
async def test_the_check_names_values_with_a_state_of_the_session(database: Database, driver: str, state: str) -> None:
    """A check that raises a state of lost connections or timeouts blames its value: the session goes on."""
    async with connected(database, driver) as connection:
        query = inline("insert into kept (c) values (:c)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        bad = await connection.check(statement, [("AB",), (f"a{state.lower()}",), ("CD",), ("aapp01",)])
    assert [(one.position, one.sqlstate) for one in bad] == [(1, state), (3, "APP01")]


async def test_the_check_of_arrays_and_records(database: Database, driver: str) -> None:
    """The error of an element is its array's, and a JSON object is not a composite value."""
    async with connected(database, driver) as connection:
        query = inline("insert into kept (cs, p) values (:cs, :p)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        bad = await connection.check(statement, [("{AB}", "(1,2)"), ("{AB,aapp01}", '{"x":1}'), (None, None)])
    assert [(one.position, one.parameter, one.sqlstate) for one in bad] == [(1, 0, "APP01"), (1, 1, "22P02")]


@pytest.mark.parametrize("state", STATES)
async def test_an_attempt_names_the_culprit(database: Database, driver: str, state: str) -> None:
    """In the run the set fails with its own SQLSTATE; the attempt is rolled back and not tried again."""
    async with connected(database, driver) as connection:
        query = inline("insert into kept (c) values (:c)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        with pytest.raises(DatabaseError) as failed:
            await connection.attempt(statement, [("AB",), ("CD",), (f"a{state.lower()}",), ("EF",)], WRITES)
        error = failed.value
        assert (error.position, error.sqlstate, error.connection_lost) == (2, state, False)
        decision = retry.decide(error, elapsed_s=0.1, timeout_s=20, read_only=False, transaction=True)
        assert (decision.outcome, decision.action) == (Outcome.ROLLED_BACK, retry.Action.FAIL)
        await connection.attempt(statement, [("AB",)], WRITES)
    assert database.execute("select c from kept") == [("AB",)]


async def test_a_check_that_writes_is_left_to_the_run(database: Database, driver: str) -> None:
    """A domain's check that changes data fails in the READ ONLY transaction of our check, which is not the value's fault."""
    async with connected(database, driver) as connection:
        query = inline("insert into with_notes values (:v)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        assert await connection.check(statement, [("a",), ("b",)]) == []
        await connection.attempt(statement, [("a",), ("b",)], WRITES)
    assert database.execute("select v from with_notes order by v") == [("a",), ("b",)]


async def test_types_whose_bare_name_has_a_length(database: Database, driver: str) -> None:
    """A column of char(4) or bit(3) is not checked as `character` or `bit`, which mean one character and one bit."""
    database.execute("create table lengths (c char(4), b bit(3))")
    async with connected(database, driver) as connection:
        query = inline("insert into lengths values (:c, :b)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        assert await connection.check(statement, [("abcd", "101")]) == []


@pytest.fixture
def latin1(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database whose encoding has no euro sign."""
    url = request.getfixturevalue("postgres_url")
    name = f"{url.rpartition('/')[2]}_latin1"
    servers.execute(url, f"create database {name} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0")
    made = Database("postgresql", f"{url.rpartition('/')[0]}/{name}".removeprefix("postgresql"))
    made.execute("create table kept (v text)")
    yield made
    servers.execute(url, f"drop database {name} with (force)")


async def test_a_character_that_the_database_does_not_have(latin1: Database, driver: str) -> None:
    """A text that cannot get to a LATIN1 database is its set's fault, in the check and in the run; others are stored as they are."""
    async with connected(latin1, driver) as connection:
        query = inline("insert into kept values (:v)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        sets = [("café",), ("5 €",), ("x",)]
        (bad,) = await connection.check(statement, sets)
        assert (bad.position, bad.sqlstate) == (1, "22P05")
        with pytest.raises(DatabaseError) as failed:
            await connection.attempt(statement, sets[1:2], WRITES)
        assert (failed.value.position, failed.value.sqlstate) == (0, "22P05")
        await connection.attempt(statement, [sets[0], sets[2]], WRITES)
    assert latin1.execute("select v from kept order by v") == [("café",), ("x",)]

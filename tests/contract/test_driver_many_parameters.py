"""Statements with more parameters than a library takes: refused by name before anything is sent, and no others."""

from __future__ import annotations

import pytest

from bulkq.drivers.parameter_limit import count_of
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Decoding, Limits, Parameter, Phase, Placeholder, PlaceholderKind, Query
from bulkq.query import inline
from tests.support.databases import DRIVERS, connected, fresh

READS = Limits(timeout_s=60, read_only=True)
MOST = {"asyncpg": 32_766, "psycopg": 65_535}
"""PostgreSQL's protocol counts parameters in 16 bits, asyncpg with a sign, and one is the number of the set."""


def wide(count: int) -> Query:
    """How many of `count` parameters are not NULL; not read from text, which takes seconds."""
    texts, places, at = ["select num_nonnulls("], [], len("select num_nonnulls(")
    sizes = [min(50, count - start) for start in range(0, count, 50)]  # a function takes a hundred arguments
    number = 0
    for group, size in enumerate(sizes):
        for i in range(size):
            mark = f":p{number}"
            places.append(Placeholder(f"p{number}", PlaceholderKind.VALUE, at, at + len(mark)))
            text = f"{mark}::int" + ("," if i + 1 < size else ")" if group + 1 == len(sizes) else ") + num_nonnulls(")
            texts.append(text)
            at += len(text)
            number += 1
    return Query(
        "wide", "".join([*texts, " as n"]), tuple(Parameter(p.name) for p in places), tuple(places), verb="SELECT"
    )


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_more_than_the_protocol_takes_are_refused(request: pytest.FixtureRequest, driver: str) -> None:
    """With their number, the most, and the next step; the session is as it was."""
    most = MOST[driver]
    async with connected(fresh("postgresql", request), driver) as connection:
        with pytest.raises(RefusedError, match=rf"^wide: has {most + 1:,} parameters, .* at most {most:,} .*ANY\(:ids"):
            await connection.prepare(wide(most + 1), Decoding.TEXT, typed=False, identifiers={})
        statement = await connection.prepare(
            inline("select 1 as n", "postgres"), Decoding.TEXT, typed=False, identifiers={}
        )
        assert list((await connection.attempt(statement, [()], READS)).values[0]) == [1]


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "psycopg2"])
async def test_ten_thousand_parameters(request: pytest.FixtureRequest, driver: str) -> None:
    """Are checked and bound, and a bad one among them is found."""
    query = wide(10_000)
    async with connected(fresh("postgresql", request), driver) as connection:
        statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
        good = tuple("1" for _ in range(10_000))
        (bad,) = await connection.check(statement, [good, (*good[:9_000], "x", *good[9_001:])])
        assert (bad.position, bad.parameter) == (1, 9_000)
        reply = await connection.attempt(statement, [good], READS)
        assert list(map(int, map(str, reply.values[0]))) == [10_000]


@pytest.mark.parametrize("driver", ["psycopg", "aiosqlite", "pysqlite"])
async def test_a_list_of_too_many_values_is_its_sets_fault(request: pytest.FixtureRequest, driver: str) -> None:
    """Where a list is as many parameters as values, the set fails by name; others of the session go on."""
    count = 65_536 if driver == "psycopg" else 250_001
    async with connected(fresh(DRIVERS[driver].kind, request), driver) as connection:
        query = inline("select 1 as n where 1 in (:ids*)", "postgres" if driver == "psycopg" else "sqlite")
        statement = await connection.prepare(query, Decoding.TEXT, typed=True, identifiers={})
        with pytest.raises(DatabaseError, match=f"{count:,} parameters, and .* takes at most") as failed:
            reply = await connection.attempt(statement, [([*range(count)],)], READS)
            raise DatabaseError(reply.errors[0].message, sqlstate=None, phase=Phase.ENCODING, position=0)
        assert (failed.value.position, failed.value.connection_lost) == (0, False)
        reply = await connection.attempt(statement, [([1, 2],)], READS)
        assert list(map(int, map(str, reply.values[0]))) == [1]


def test_a_parameter_counts_once() -> None:
    """However often it stands in the text; an identifier is not sent."""
    assert count_of(inline("-- @param t ident\nselect :a, :b, :a from :{t}", "postgres")) == 2

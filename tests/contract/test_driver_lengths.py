"""Lengths, precisions and fields of types, over every driver of PostgreSQL: text goes through a type's input function, as in COPY."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from tests.support.databases import Database, connected, fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bulkq.protocols import Connection

DRIVERS = ("asyncpg", "psycopg", "psycopg2")
READS = Limits(timeout_s=20, read_only=True)
WRITES = Limits(timeout_s=20, read_only=False)

MADE = (
    "create domain code as varchar(2)",
    "create domain padded as char(4)",
    "create domain bits as bit(3)",
    "create domain some_bits as varbit(3)",
    "create domain code_of_code as code check (value <> 'XX')",
    "create domain strict_code as varchar(3) not null",
    "create domain letter as char",
    "create domain one_bit as bit",
    "create domain codes as varchar(2)[]",
    "create domain codes_of_domain as code[]",
    "create domain more_codes as codes check (array_length(value, 1) < 3)",
    "create domain hours as interval hour",
    "create domain to_minutes as interval day to minute",
    "create domain seconds as interval second(1)",
    "create domain cents as numeric(5,2)",
    "create domain rough as numeric(4,1)",
    "create domain moment as timestamp(1)",
    "create domain zoned as timestamptz(0)",
    "create domain clock as time(1)",
    "create domain plain_text as text check (value <> 'bad')",
    "create domain whole as int check (value > 0)",
    "create domain document as jsonb",
    "create domain named as name",
    'create domain one_char as "char"',
    "create type pair as (a varchar(2), b bit(3))",
    "create domain pair_domain as pair",
    "create type pairs as (p pair, c code)",
    "create type code_range as range (subtype = code)",
    "create domain short_range as code_range",
    "create type mood as enum ('happy', 'sad')",
    "create domain feeling as mood",
    "create type tag as (t text)",
    "create function tag_of(text) returns tag language sql immutable as $$ select row('by the cast: ' || $1)::tag $$",
    "create cast (text as tag) with function tag_of(text)",
    "create domain tagged as tag",
)
"""Types of the user, each a way to hide a length, or a cast function, from whoever casts text to them."""

LONG = "DEUTSCH"
TYPES: dict[str, tuple[str | None, ...]] = {
    "varchar(2)": ("DE", LONG, "D ", "DE   ", "", None),
    "character varying(3)": ("DEU", LONG),
    "varchar": (LONG,),
    "char(4)": ("DE", LONG, "DE      "),
    "char": ("D", LONG),
    "character(2)": ("DE", LONG),
    "bpchar": (LONG, "DE  "),
    "text": (LONG, ""),
    '"char"': ("D", LONG, ""),
    "name": ("n", "n" * 80),
    "bit": ("1", "10"),
    "bit(3)": ("101", "10", "1010", "x6"),
    "bit varying(3)": ("10", "1010"),
    "varbit": ("10101",),
    "numeric(5,2)": ("1.005", "999.995", "1000", "NaN"),
    "numeric": ("1.005",),
    "decimal(3)": ("2.5", "9999"),
    "time(0)": ("12:00:00.5",),
    "timetz(1)": ("12:00:00.25+01",),
    "timestamp(2)": ("2026-01-31 23:59:59.995",),
    "timestamptz(0)": ("2026-01-31 23:59:59.5+00",),
    "interval(1)": ("1.25 s",),
    "interval day to hour": ("1 day 02:30:00",),
    "interval year to month": ("1 year 2 mons", "1-2"),
    "int": ("7", "7.5", "99999999999"),
    "smallint": ("7", "70000"),
    "float4": ("1.1", "1e50"),
    "boolean": ("yes", "maybe"),
    "date": ("2026-01-31", "infinity", "2026-02-31"),
    "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0"),
    "bytea": ("\\x00ff", "\\x0"),
    "inet": ("10.0.0.1/8",),
    "cidr": ("10.0.0.0/8", "10.0.0.1/8"),
    "json": ('{"a": 1}', "{"),
    "jsonb": ('"a"', "a"),
    "xml": ("<a/>", "<a>"),
    "regclass": ("pg_class", "1259", "pg_nothing"),
    "box": ("(1,1),(0,0)",),
    "box[]": ("{(1,1),(0,0);(2,2),(0,0)}",),
    "varchar(2)[]": ("{DE,FR}", f"{{DE,{LONG}}}", "{{DE},{FR}}", "{}", '{NULL,"NULL"}'),
    "char(2)[]": ("{D,FR}", f"{{{LONG}}}"),
    "bit(3)[]": ("{101}", "{1010}"),
    "numeric(5,2)[]": ("{1.005,NULL}", "{1000}"),
    "code": ("DE", LONG, "DE   ", "", None, "NULL"),
    "padded": ("DE", LONG),
    "bits": ("101", "10", "1010"),
    "some_bits": ("10", "1010"),
    "code_of_code": ("DE", LONG, "XX"),
    "strict_code": ("DEU", LONG, None),
    "letter": ("D", LONG),
    "one_bit": ("1", "10"),
    "codes": ("{DE,FR}", f"{{DE,{LONG}}}", None),
    "codes_of_domain": ("{DE,FR}", f"{{DE,{LONG}}}"),
    "more_codes": ("{DE,FR}", f"{{{LONG}}}", "{DE,FR,IT}"),
    "hours": ("1", "90 min"),
    "to_minutes": ("1", "1 day 02:03:04"),
    "seconds": ("1.25",),
    "cents": ("1.005", "1000"),
    "rough": ("1.25", "1000"),
    "moment": ("2026-01-31 23:59:59.95",),
    "zoned": ("2026-01-31 23:59:59.5+00",),
    "clock": ("12:00:00.25",),
    "plain_text": (LONG, "bad"),
    "whole": ("7", "0", "x"),
    "document": ('"a"', '{"b": [1]}', "a"),
    "named": ("n" * 80,),
    "one_char": (LONG,),
    "pair": ("(DE,101)", f"({LONG},101)", "(DE,10)"),
    "pair_domain": ("(DE,101)", f"({LONG},101)"),
    "pairs": ('("(DE,101)",FR)', f'("(DE,101)",{LONG})', f'("({LONG},101)",FR)'),
    "pair[]": ('{"(DE,101)"}', f'{{"({LONG},101)"}}'),
    "code[]": ("{DE}", f"{{{LONG}}}"),
    "code_range": ("[A,DE)", f"[A,{LONG})"),
    "short_range": ("[A,DE)", f"[A,{LONG})"),
    "feeling": ("sad", "angry"),
    "tag": ("(a)", "a"),
    "tagged": ("(a)", "a"),
    "tag[]": ('{"(a)"}', "{a}"),
}
"""Types as they are declared, and texts that they take, refuse, round or pad."""

DECLARED = {"interval hour": ("1", "90 min"), "interval day to minute": ("1",)}
"""Types that read a text by their fields: COPY knows them of a column, EXECUTE and the drivers only where they are declared."""


@pytest.fixture
def types(request: pytest.FixtureRequest) -> Database:
    """A table for every type."""
    database = fresh("postgresql", request)
    tables = [f"create table {table(name)} (v {name})" for name in (*TYPES, *DECLARED)]
    database.execute(f"do $do$ begin {'; '.join((*MADE, *tables))}; end $do$")
    return database


def table(name: str) -> str:
    """The table of a type."""
    return f"kept_{[*TYPES, *DECLARED].index(name)}"


async def executed(database: Database, wanted: dict[str, Sequence[str | None]]) -> dict[tuple[str, str | None], str]:
    """What EXECUTE stores of each text, or its SQLSTATE."""
    found: dict[tuple[str, str | None], str] = {}
    session = await asyncpg.connect(database.url("postgresql"))
    try:
        for name, values in wanted.items():
            await session.execute(f"prepare stored as insert into {table(name)} values ($1) returning v::text")
            for value in values:
                literal = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
                try:
                    found[name, value] = str(await session.fetchval(f"execute stored ({literal})"))
                except asyncpg.PostgresError as error:
                    found[name, value] = str(error.sqlstate)
            await session.execute("deallocate stored")
    finally:
        await session.close()
    return found


async def copied(database: Database, wanted: dict[str, Sequence[str | None]]) -> dict[tuple[str, str | None], str]:
    """What COPY stores of each text, or its SQLSTATE."""
    found: dict[tuple[str, str | None], str] = {}
    session = await asyncpg.connect(database.url("postgresql"))
    try:
        for name, values in wanted.items():
            for value in values:
                text = r"\N" if value is None else value.replace("\\", "\\\\")
                await session.execute(f"truncate {table(name)}")
                try:
                    await session.copy_to_table(table(name), source=io.BytesIO(f"{text}\n".encode()))
                except asyncpg.PostgresError as error:
                    found[name, value] = str(error.sqlstate)
                else:
                    found[name, value] = str(await session.fetchval(f"select v::text from {table(name)}"))
    finally:
        await session.close()
    return found


async def stored(
    connection: Connection, name: str, values: Sequence[object], *, declared: bool, typed: bool = False
) -> AsyncIterator[tuple[tuple[str, object], str]]:
    """What bulkq stores of each value, or the SQLSTATE of its set."""
    query = inline(f"insert into {table(name)} values (:v) returning v::text", "postgres")
    if declared:
        (parameter,) = query.parameters
        query = replace(query, parameters=(replace(parameter, type=name),))
    statement = await connection.prepare(query, Decoding.TEXT, typed=typed, identifiers={})
    for value in values:
        try:
            reply = await connection.attempt(statement, [(value,)], WRITES)
        except DatabaseError as error:
            assert error.position == 0
            yield (name, value), str(error.sqlstate)
        else:
            yield (name, value), str(reply.values[0][0])


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """A driver of PostgreSQL."""
    return str(request.param)


async def test_a_text_is_stored_or_refused_as_by_execute(types: Database, driver: str) -> None:
    """Without a declared type a text of every type is what EXECUTE makes of it: nothing is cut, padded or read otherwise."""
    expected = await executed(types, TYPES)
    async with connected(types, driver) as connection:
        found = {}
        for name, values in TYPES.items():
            found |= {key: what async for key, what in stored(connection, name, values, declared=False)}
    assert found == expected


async def test_a_declared_type_takes_what_copy_takes(types: Database, driver: str) -> None:
    """With a declared type, its length and fields hold for each text as they do in COPY."""
    wanted = TYPES | DECLARED
    expected = await copied(types, wanted)
    async with connected(types, driver) as connection:
        found = {}
        for name, values in wanted.items():
            found |= {key: what async for key, what in stored(connection, name, values, declared=True)}
    assert found == expected


async def test_a_list_of_a_declared_type_is_not_cut(types: Database, driver: str) -> None:
    """A value of a list that is longer than its declared type is refused, not cut to one that finds a row."""
    types.execute("create table words (v text)", "insert into words values ('DE')")
    async with connected(types, driver) as connection:
        for declared in ("varchar(2)", "char(2)", "varchar(2)[]", "code", "code_of_code"):
            query = inline("select v from words where v in (:vs*)", "postgres")
            query = replace(query, parameters=(replace(query.parameters[0], type=declared),))
            statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            reply = await connection.attempt(statement, [('["DE","FR",null]',)], READS)
            assert list(reply.values[0]) == ["DE"], declared
            with pytest.raises(DatabaseError) as refused:
                await connection.attempt(statement, [('["DEUTSCH"]',)], READS)
            assert refused.value.sqlstate == "22001", declared


TYPED: dict[str, tuple[object, ...]] = {
    "varchar(2)": ("DE", LONG, "DE   ", None),
    "char(4)": ("DE", LONG),
    "varchar(2)[]": (["DE", None], ["DE", LONG]),
    "char(2)[]": (["DE"], [LONG]),
    "numeric(5,2)": (Decimal("1.005"), Decimal(1000)),
    "code": ("DE", LONG, None),
    "padded": ("DE", LONG),
    "code_of_code": ("DE", LONG, "XX"),
    "codes": (["DE"], ["DE", LONG]),
    "code[]": (["DE"], [LONG]),
    "cents": (Decimal("1.005"), Decimal(1000)),
    "whole": (7, 0),
}
"""Python values of types with a length; a text of them is what the library or the server makes of it."""


@pytest.mark.parametrize("declared", [False, True], ids=["found", "declared"])
async def test_a_typed_value_is_not_cut(types: Database, driver: str, *, declared: bool) -> None:
    """Python values that are longer than their type, or than the declared one, fail their set; the others are stored whole."""
    texts = {name: [written(value) for value in values] for name, values in TYPED.items()}
    expected = await copied(types, texts)
    async with connected(types, driver) as connection:
        for name, values in TYPED.items():
            found = [what async for _, what in stored(connection, name, values, declared=declared, typed=True)]
            assert found == [expected[name, text] for text in texts[name]], name


def written(value: object) -> str | None:
    """A value as COPY reads it."""
    if isinstance(value, list):
        return "{" + ",".join("NULL" if item is None else item for item in value) + "}"
    return None if value is None else str(value)


async def test_the_check_of_values_knows_lengths(types: Database, driver: str) -> None:
    """What is too long for its declared type, or for a domain, is found before the start."""
    async with connected(types, driver) as connection:
        for declared, name in (
            (True, "varchar(2)"),
            (True, "char(2)[]"),
            (False, "code"),
            (True, "code"),
            (False, "codes"),
        ):
            query = inline(f"insert into {table(name)} values (:v)", "postgres")
            if declared:
                query = replace(query, parameters=(replace(query.parameters[0], type=name),))
            statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            good, bad = ("{DE}", f"{{{LONG}}}") if name in {"char(2)[]", "codes"} else ("DE", LONG)
            found = await connection.check(statement, [(good,), (bad,), (None,), (good,)])
            assert [(one.position, one.sqlstate) for one in found] == [(1, "22001")], name


async def test_a_cast_that_the_user_wrote_is_the_users(types: Database, driver: str) -> None:
    """`:v::varchar(2)` cuts, as it does everywhere in PostgreSQL."""
    async with connected(types, driver) as connection:
        statement = await connection.prepare(
            inline("select :v::varchar(2) as v", "postgres"), Decoding.TEXT, typed=False, identifiers={}
        )
        reply = await connection.attempt(statement, [(LONG,)], READS)
        assert list(reply.values[0]) == ["DE"]


async def test_a_procedure_is_not_given_a_cut_value(types: Database, driver: str) -> None:
    """CALL, whose arguments may hold no subquery, refuses a text that is too long for a domain, declared or not."""
    types.execute(
        "create table called (v text)",
        "create procedure keep(v code) language sql as $$ insert into called values (v) $$",
    )
    async with connected(types, driver) as connection:
        for declared in (None, "code"):
            query = replace(inline("call keep(:v)", "postgres"), transaction=False)
            query = replace(query, parameters=(replace(query.parameters[0], type=declared),))
            statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            await connection.attempt(statement, [("DE",)], WRITES)
            with pytest.raises(DatabaseError) as refused:
                await connection.attempt(statement, [(LONG,)], WRITES)
            assert refused.value.sqlstate == "22001"
    assert types.execute("select v from called") == [("DE",), ("DE",)]


async def test_a_null_stays_null_whatever_arrays_take_for_null(types: Database, driver: str) -> None:
    """Where the setting array_nulls is off, NULL for a domain is still NULL and not the text "NULL"."""
    types.execute(
        f"alter database {types.place.rpartition('/')[2]} set array_nulls = off",
        "create domain word as varchar(10)",
        "create table words (v word)",
    )
    async with connected(types, driver) as connection:
        statement = await connection.prepare(
            inline("insert into words values (:v)", "postgres"), Decoding.TEXT, typed=False, identifiers={}
        )
        await connection.attempt(statement, [(None,), ("NULL",)], WRITES)
    assert types.execute("select v from words order by v") == [("NULL",), (None,)]

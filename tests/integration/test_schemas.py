"""`--schemas`: extensions work behind the schema of a tenant, and a table that the tenant lacks is found nowhere else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.libpq import SCHEMES, as_scheme
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from tests.support.command import Cli, Finished

EXTENSION = (
    "create type public.word as (t text)",
    """create function public.same_word(a public.word, b public.word) returns boolean language sql immutable
       as 'select lower((a).t) = lower((b).t)'""",
    "create operator public.= (leftarg = public.word, rightarg = public.word, function = public.same_word)",
    "create table public.refs as select 4326 as srid",
    "alter extension plpgsql add type public.word",
    "alter extension plpgsql add function public.same_word(public.word, public.word)",
    "alter extension plpgsql add operator public.= (public.word, public.word)",
    "alter extension plpgsql add table public.refs",
    "update pg_extension set extnamespace = 'public'::regnamespace where extname = 'plpgsql'",
)
"""What citext and PostGIS are: a type whose `=` ignores case, a table of the extension's own, in `public`."""

TENANTS = (
    "create schema ten_a",
    "create schema ten_b",
    "create table ten_a.people as select 1 as id, row('Ann')::public.word as name, 0 as n",
    "create table ten_b.people as select 1 as id, row('Bob')::public.word as name, 0 as n",
    "create table ten_a.orders as select 1 as id, 0 as n",
    "create table public.orders as select 1 as id, 0 as n",
    "create table public.shared as select 7 as n",
    "create sequence public.orders_seq",
    "create function public.secret() returns int language sql as 'select 42'",
)


@pytest.fixture
def tenants(database: str) -> str:
    """Two tenants with `people`; `orders` is there for one of them, and in `public`."""
    execute(database, *EXTENSION, *TENANTS)
    return database


@pytest.fixture(params=SCHEMES)
def url(request: pytest.FixtureRequest, tenants: str) -> str:
    """Their database, through each driver."""
    return as_scheme(tenants, request.param)


def run(cli: Cli, url: str, sql: str, *more: str) -> Finished:
    """`sql` in both schemas."""
    return cli("run", "-e", sql, "-t", url, "--schemas", "ten_%", *more)


def test_operators_of_extensions(cli: Cli, url: str) -> None:
    """`=` is the extension's: a name is found whatever its case, in a read, a write and a check."""
    done = run(cli, url, "select id from people where name = :w::word", "--param", "w=(ANN)", "--include", "target")
    assert done.code == 0, done.err
    assert [json.loads(line)["_target"].endswith("/ten_a") for line in done.out.splitlines()] == [True]
    done = run(cli, url, "update people set n = 1 where name = :w::word", "--param", "w=(BOB)", "--write")
    assert done.counts["changed"] == "1", done.err
    check = "-- name: found\n-- @expect rows = 1\nselect id from people where name = '(ann)'::word\n"
    (cli.folder / "found.sql").write_text(check)
    done = cli("check", "found.sql", "-t", url, "--schemas", "ten_a")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("sql", "more"),
    [
        ("select n from orders", ()),
        ("with o as (select * from orders) select n from o", ()),
        ("select n from people where exists (select from orders)", ()),
        ("update orders set n = n + 1", ("--write", "--allow", "unbounded")),
        ("delete from orders where id = :id", ("--write", "--param", "id=1")),
        ("insert into orders (id) values (:id)", ("--write", "--param", "id=2")),
        ("truncate orders", ("--write", "--allow", "truncate")),
        ("alter table orders add column x int", ("--write", "--allow", "ddl")),
        ("drop table if exists orders", ("--write", "--allow", "ddl")),
        ("analyze orders", ("--write",)),
    ],
)
def test_a_table_that_a_tenant_lacks_is_an_error(
    cli: Cli, tenants: str, url: str, sql: str, more: tuple[str, ...]
) -> None:
    """The table of that name in `public` is neither read nor changed."""
    done = run(cli, url, sql, "--format", "jsonl", *more)
    assert done.code == 1, done.err
    assert done.counts["ok"] == "1", done.err
    assert 'relation "orders" does not exist in schema "ten_b"; the one in "public" is of no extension' in done.err
    assert "public.orders" in done.err
    assert "--schemas-with public" in done.err
    assert execute(tenants, "select id, n from public.orders") == [(1, 0)]


@pytest.mark.parametrize("sql", ["select nextval('orders_seq')", "select secret()"])
def test_sequences_and_functions_are_no_others_either(cli: Cli, url: str, sql: str) -> None:
    """They would have been errors without the extensions, and are."""
    done = run(cli, url, sql, "--write")
    assert done.code == 1, done.err
    assert "does not exist in schema" in done.err
    assert done.out == b""


@pytest.mark.parametrize(
    "sql",
    [
        "select srid from refs",
        "select orders.n from public.orders",
        "select id as orders, n as shared from people",
        "with shared as (select id from people) select id from shared",
        "select count(*), max(s.n) from people as s",
    ],
)
def test_what_is_meant_is_taken(cli: Cli, url: str, sql: str) -> None:
    """A table of the extension, one that is named with its schema, aliases and columns that are called like one in `public`."""
    done = run(cli, url, sql)
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 2


def test_one_statement_for_a_batch_keeps_to_the_schema(cli: Cli, url: str) -> None:
    """Operators and tables of extensions are found, and a table that the tenant lacks is not."""
    (cli.folder / "sets.csv").write_text("w,id\n" + '"(ANN)",1\n"(bob)",1\n' * 200)
    more = ("-p", "sets.csv", "--batch", "100", "--batch-form", "set", "--report", "json:r.json")
    sql = "select id, srid from people, refs where name = :w::word and id = :id::int"
    done = run(cli, url, sql, *more)
    assert done.code == 0, done.err
    assert [json.loads(line)["srid"] for line in done.out.splitlines()] == [4326] * 400
    assert json.loads((cli.folder / "r.json").read_text())["counts"]["together"] == 8
    done = run(cli, url, "select n from orders where id = :id::int and :w::text is not null", *more)
    assert (done.code, done.counts["ok"]) == (1, "400"), done.err
    assert 'relation "orders" does not exist in schema "ten_b"' in done.err


def test_schemas_that_are_added(cli: Cli, url: str) -> None:
    """`--schemas-with public`: its tables may be named; the tenant's own come first."""
    done = run(cli, url, "select s.n, o.n as o, srid from shared as s, orders as o, refs", "--schemas-with", "public")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 2
    done = run(cli, url, "select id from people where name = '(ANN)'::public.word", "--schemas-with", "none")
    assert (done.code, done.out) == (0, b"")


def test_what_cannot_be_added(cli: Cli, url: str) -> None:
    """A schema that is not there, two ways to say the path, an option without its other: exit code 2."""
    done = run(cli, url, "select 1", "--schemas-with", "nosuch")
    assert (done.code, 'there is no schema "nosuch"' in done.err) == (2, True)
    done = cli("run", "-e", "select 1", "-t", url, "--schemas-with", "public")
    assert (done.code, "give --schemas too" in done.err) == (2, True)
    done = cli("run", "-e", "select 1", "-t", url, "--schemas", "ten_%", env={"PGOPTIONS": "-c search_path=x"})
    assert (done.code, "search_path of PGOPTIONS and --schemas" in done.err) == (2, True)


def test_a_pattern_that_no_schema_matches(cli: Cli, url: str) -> None:
    """A run that would leave out a tenant whose name was mistyped is refused: exit code 2."""
    done = run(cli, url, "select 1", "--schemas", "ten_a,ten_x")
    assert done.code == 2
    assert 'no schema matches --schemas "ten_x": correct it, or leave it out' in done.err


def test_the_plan_says_the_path(cli: Cli, url: str) -> None:
    """Of a run and of checks, with what each schema is there for."""
    (cli.folder / "c.sql").write_text("-- name: c\n-- @expect rows = 1\nselect 1\n")
    for command in (("run", "-e", "select 1"), ("check", "c.sql")):
        done = cli("plan", *command, "-t", url, "--schemas", "ten_%", "--schemas-with", "pg_catalog")
        assert 'the schema, "pg_catalog" (--schemas-with), "public" (for its extensions only)' in done.text, done.err


def test_a_retry_has_the_path_of_its_run(cli: Cli, tenants: str) -> None:
    """It is kept with the run: the operator of the extension finds the row again."""
    execute(tenants, "alter table ten_a.people add constraint low check (n < 1)")
    sql = "update people set n = n + :k where name = '(ann)'::public.word"
    assert run(cli, tenants, sql, "--param", "k=5", "--write").code == 1
    execute(tenants, "alter table ten_a.people drop constraint low")
    done = cli("retry", "--last")
    assert done.code == 0, done.err
    assert execute(tenants, "select n from ten_a.people") == [(5,)]


def test_citext(cli: Cli, database: str) -> None:
    """The extension that most tenants have, where the server has it."""
    if not execute(database, "select 1 from pg_available_extensions where name = 'citext'"):
        pytest.skip("this PostgreSQL has no citext")
    execute(
        database,
        "create extension citext",
        "create schema ten_a",
        "create table ten_a.people (id int, email citext)",
        "insert into ten_a.people values (1, 'Ann@Example.com')",
    )
    for scheme in SCHEMES:
        sql = "select id from people where email = :e"
        done = run(cli, as_scheme(database, scheme), sql, "--param", "e=ANN@example.com")
        assert done.out == b'{"id":1}\n', done.err

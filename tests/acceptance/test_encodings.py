"""Databases of PostgreSQL whose encoding is not UTF-8, over every driver."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support.databases import SCHEMES
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Cli

DRIVERS = ("asyncpg", "psycopg", "psycopg2")
ADVICE = "convert_from(convert(convert_to(v, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'UTF8')"


def through(url: str, driver: str) -> str:
    """`url` for a driver."""
    return f"{SCHEMES[driver]}://{url.partition('://')[2]}"


@pytest.fixture
def encoded(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    """A database of the encoding that the test names."""
    name = f"bulkq_{request.param.lower()}_{uuid4().hex[:8]}"
    servers.execute(
        postgres_url,
        f"create database {name} encoding '{request.param}' lc_collate 'C' lc_ctype 'C' template template0",
    )
    yield servers.database_url(postgres_url, name)
    servers.execute(postgres_url, f"drop database {name}")


@pytest.fixture
def ascii_url(encoded: str, tmp_path: Path) -> str:
    """A table with text, UTF-8 and bytes that are not UTF-8, which only a client that promises no encoding can store."""
    servers.execute(encoded, "create table t (id int, v text)", "insert into t values (1, 'ok'), (2, 'café')")
    servers.execute(
        encoded,
        "create function latin() returns text language sql as $$ select convert_from('\\xe9', 'SQL_ASCII') $$",
        "insert into t values (3, latin())",
    )
    (tmp_path / "ids.csv").write_text("id\n1\n2\n3\n1\n")
    return encoded


@pytest.mark.parametrize("encoded", ["SQL_ASCII"], indirect=True)
@pytest.mark.parametrize("option", ["", "?client_encoding=utf8"])
@pytest.mark.parametrize("driver", DRIVERS)
def test_sql_ascii_is_read_as_utf8(cli: Cli, ascii_url: str, driver: str, option: str) -> None:
    """Text that is UTF-8 is read; a set whose bytes are not fails with its place and the way to read them."""
    url = through(ascii_url, driver) + option
    done = cli("run", "-e", "select id, v from t where id = :id::int", "-p", "ids.csv", "-t", url, "--format", "csv")
    assert done.code == 1, done.err
    assert done.out.decode() == "id,v\n1,ok\n2,café\n1,ok\n"
    (failed,) = [line for line in done.err.splitlines() if line.startswith("failed")]
    assert failed.startswith('failed  ids.csv:4 n=3 [22021] invalid byte sequence for encoding "UTF8": 0xe9')
    assert ADVICE.replace("(v,", "(COLUMN,") in failed
    again = cli("run", "-e", f"select {ADVICE} as v from t order by id", "-t", url, "--format", "csv")
    assert (again.code, again.out.decode().splitlines()[-1]) == (0, "é"), again.err


@pytest.mark.parametrize("encoded", ["SQL_ASCII"], indirect=True)
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_whole_table_of_sql_ascii(cli: Cli, ascii_url: str, driver: str) -> None:
    """A query without parameters, which COPY answers, gives no row that is not UTF-8 either."""
    url = through(ascii_url, driver)
    done = cli("run", "-e", "select id, v from t", "-t", url, "-o", "all.csv")
    assert done.code == 1, done.err
    assert "[22021]" in done.err
    done = cli("run", "-e", "select id, v from t where id < 3", "-t", url, "-o", "some.csv")
    assert done.code == 0, done.err
    assert (cli.folder / "some.csv").read_text() == "id,v\n1,ok\n2,café\n"


@pytest.mark.parametrize("encoded", ["LATIN1", "EUC_JP"], indirect=True)
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_database_of_another_encoding(cli: Cli, encoded: str, driver: str) -> None:
    """Values go in and come out as UTF-8."""
    text = "café" if "latin1" in encoded else "日本"
    servers.execute(encoded, "create table t (v text)")
    (cli.folder / "vs.csv").write_text(f"v\n{text}\nx\n")
    url = through(encoded, driver)
    done = cli(
        "run", "-e", "insert into t values (:v) returning v", "-p", "vs.csv", "-t", url, "--write", "--format", "csv"
    )
    assert (done.code, done.out.decode()) == (0, f"v\n{text}\nx\n"), done.err
    assert [row[0] for row in servers.execute(encoded, "select v from t")] == [text, "x"]

"""What a driver that is one class gets without saying so."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

from bulkq.drivers.dbapi.driver_of_blocking_library import Library
from bulkq.errors import TargetError, UsageError
from tests.support.databases import examples, fresh, installed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

TURSO = """
import turso

from bulkq.drivers.dbapi.adapters.sqlite import SQLite
from bulkq.drivers.dbapi.driver_of_blocking_library import Library


class Turso(Library, SQLite):
    product = "turso"
    library = "pyturso"
    name = "sqlite"
    module = turso
    explain = "EXPLAIN"

    def connect(self, url, *, application_name, read_only):
        return turso.connect(url.database, isolation_level=None)
"""


class Plain(Library):
    """Nothing but names."""

    product = library = "plain"


class Odd(Plain):
    """A file with quotes and words of its own."""

    name = "duckdb"
    quote = "`"
    in_process = True
    states = {"gone fishing": "55P03"}  # noqa: RUF012


def test_placeholders_and_values() -> None:
    """They are those of the library's module and of the dialect."""

    class Lite(Plain):
        name = "sqlite"
        module = sqlite3

    assert (Plain().paramstyle, Lite().paramstyle) == ("qmark", sqlite3.paramstyle)
    assert Lite().natives < Plain().natives


def test_identifiers() -> None:
    """The quotation mark of the dialect, unless the class has another."""
    assert (Plain().quoted('a"b'), Odd().quoted("a`b")) == ('"a""b"', "`a``b`")


def test_words_of_errors() -> None:
    """They outrank what the exception says, in any case of letters."""
    assert Odd().trouble(ValueError("Gone Fishing today")).sqlstate == "55P03"
    assert Odd().trouble(ValueError("something else")).sqlstate is None


def test_a_database_in_the_process_is_never_made(tmp_path: Path) -> None:
    """Not for a write, either; a server's database may have any name."""
    there, gone = make_url(f"odd:///{tmp_path}"), make_url("odd:///gone")
    assert Odd().url(there, read_only=False) is there
    assert Plain().url(gone, read_only=False) is gone
    with pytest.raises(TargetError, match='no such file "gone"'):
        Odd().url(gone, read_only=False)


def test_an_option_that_connect_does_not_read() -> None:
    """It is refused: foreign keys that are not on would be wrong without a word."""
    shown = "plain://h/d?foreign_keys=on"

    class Reading(Plain):
        options = frozenset({"foreign_keys"})

    Reading().check_url(make_url(shown), shown)
    with pytest.raises(UsageError, match=r'foreign_keys=on": plain has no option "foreign_keys": remove it'):
        Plain.open(shown, application_name="", read_only=True)


def test_a_write_that_cannot_be_explained_is_executed(cli: Cli, request: pytest.FixtureRequest) -> None:
    """Turso refuses EXPLAIN of a write in a read-only session. Its mistakes are found when it runs."""
    pytest.importorskip("turso", reason="the extra drivers-test has it")
    base = fresh("sqlite", request)
    base.execute("create table items (id integer primary key, qty integer)", "insert into items values (1, 0)")
    env = {"PYTHONPATH": installed("ownturso", TURSO, "Turso")}
    write = ("-t", base.url("ownturso"), "--write")
    done = cli("run", "-e", "update items set qty = 5 where id = 1", *write, env=env)
    assert (done.code, done.counts["changed"]) == (0, "1"), done.err
    assert "exactly once" in done.err
    assert "cancel=no" not in done.err
    wrong = cli("run", "-e", "update items set nosuch = 5 where id = 1", *write, env=env)
    assert (wrong.code, "[SQLITE_ERROR]" in wrong.err) == (1, True), wrong.err
    assert base.execute("select qty from items") == [(5,)]


def test_a_product_of_its_own_keeps_what_is_known_of_its_dialect(cli: Cli, request: pytest.FixtureRequest) -> None:
    """Two names of one file are one target."""
    base = fresh("sqlite", request)
    base.execute("create table items (id integer primary key, qty integer)", "insert into items values (1, 0), (2, 0)")
    other = examples()[1].replace('product = "sqlite"', 'product = "newlite"')
    env = {"PYTHONPATH": installed("newlite", other, "Example")}
    url = base.url("newlite")
    update = (
        "-e",
        "update items set qty = qty + :n where id = :id",
        "-p",
        "range:id=1..2",
        "--param",
        "n=1",
        "--write",
    )
    done = cli("run", *update, "-t", url, env=env)
    assert (done.code, done.counts["changed"]) == (0, "2"), done.err
    assert "newlite 3." in done.err
    twice = cli("run", *update, "-t", url, "-t", url.replace("target.", "./target."), env=env)
    assert (twice.code, "are the same database" in twice.err) == (4, True), twice.err
    assert base.execute("select sum(qty) from items") == [(2,)]

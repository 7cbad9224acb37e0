"""What a new driver still lacks: members, a line in the table of drivers under test, a line in docs/drivers.md."""

from __future__ import annotations

import re
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bulkq import drivers
from bulkq.dialects import dialect_for
from bulkq.drivers.check_driver_protocols import missing
from bulkq.drivers.dbapi import driver_of_blocking_library
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import MissingDriver, TargetError, UsageError
from bulkq.model import Limits
from tests.support.databases import DRIVERS, EXAMPLE, PAGE, connected, driver_of, fresh

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


def opener_of(scheme: str) -> ModuleType | type:
    """The module or class of the driver that serves `scheme`."""
    entry = drivers.SCHEMES.get(scheme) or drivers._registered(scheme)
    return drivers.load(entry) if entry else import_module("bulkq.drivers.dbapi")


@pytest.mark.parametrize("name", DRIVERS)
async def test_nothing_is_missing(name: str, request: pytest.FixtureRequest) -> None:
    """The module, the driver and its connections have all that the seams in `bulkq.protocols` name."""
    driver = driver_of(fresh(DRIVERS[name].kind, request), name)
    connection = await driver.connect()
    try:
        assert missing(opener_of(DRIVERS[name].scheme), driver, connection) == []
    finally:
        await connection.close()


@pytest.mark.parametrize("name", [name for name, driver in DRIVERS.items() if driver.claims])
async def test_exactly_once_is_possible(name: str, request: pytest.FixtureRequest) -> None:
    """A driver that is tested with claims has an SQL that bulkq knows, and undoes a transaction."""
    base = fresh(DRIVERS[name].kind, request)
    known = drivers.dialect_of(base.url(DRIVERS[name].scheme))
    assert dialect_for(known).is_known, f'no markers in "{known}": set `name` to postgres, mysql, sqlite or duckdb'
    async with connected(base, name) as connection:
        assert connection.server.rolls_back, "no rollback was seen: set `temporary`, `opening` and `says_begin`"
        assert connection.server.counts, "changed rows are counted wrongly: claim=False, or a cursor that counts"


def test_what_is_missing_is_named() -> None:
    """Each missing member comes with what it is for."""

    class Half(BaseConnection):
        async def prepare(self, query: object) -> None:
            """Lacks parameters."""

    found = missing(ModuleType("half"), SimpleNamespace(target="x"), Half())
    assert found[0] == "half has no open(url, *, application_name, read_only): write it"
    assert "the driver has no connect: Open a session within ten seconds." in found
    assert any(line.startswith("the connection has no server: ") for line in found)
    assert "prepare of the connection does not take query, decoding, typed, identifiers: add them" in found
    assert not any(" has no copy" in line or " has no check" in line for line in found)


def test_every_driver_is_under_test() -> None:
    """Each module in the registry has a line in `tests.support.databases.DRIVERS`."""
    tested = {opener_of(driver.scheme).__name__ for driver in DRIVERS.values()}
    assert {entry.module for entry in drivers.SCHEMES.values()} - tested == set()


def test_every_name_of_the_page_is_there() -> None:
    """What docs/drivers.md calls required or optional is an attribute of `Library`, or of the module."""
    tables = PAGE.read_text().partition("### What is required")[2].partition("## What bulkq believes")[0]
    named = {
        name
        for row in tables.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)", row.split("|")[1])
    }
    instance = driver_of_blocking_library.Library()
    assert {name for name in named - {"open", "DIALECT"} if not hasattr(instance, name)} == set()
    assert len(named) > 20


async def test_a_connection_has_defaults_for_what_is_optional() -> None:
    """COPY is refused, no value is checked, and a stream is one piece."""

    class Plain(BaseConnection):
        async def attempt(self, statement: object, sets: object, limits: object, **_: object) -> object:  # type: ignore[override]
            return statement, sets

    connection = Plain()
    with pytest.raises(UsageError, match="cannot send a result as CSV"):
        await connection.copy(None, ",", Limits(), bytes)  # type: ignore[arg-type]
    assert await connection.check(None, []) == []  # type: ignore[arg-type]
    assert [piece async for piece in connection.stream("s", (1,), Limits())] == [("s", [(1,)])]  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        await BaseConnection().attempt(None, [], Limits())  # type: ignore[arg-type]


async def test_a_library_without_connect_says_so() -> None:
    """The message names the method."""

    class Unfinished(driver_of_blocking_library.Library):
        product = library = "unfinished"

    driver = driver_of_blocking_library.LibraryDriver(
        Unfinished(), "unfinished://h/d", application_name="x", read_only=True
    )
    with pytest.raises(TargetError, match="Unfinished has no connect"):
        await driver.connect()
    with pytest.raises(UsageError, match="cannot be read"):
        driver_of_blocking_library.LibraryDriver(
            Unfinished(), "unfinished://h:port/d", application_name="x", read_only=True
        )


@pytest.mark.long
def test_an_installed_driver_is_found_by_the_command_line(
    cli: Cli, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its entry point is all that it needs: reads, exactly-once writes and doctor work; an unknown scheme stays unknown."""
    base = fresh("sqlite", request)
    base.execute("create table items (id integer primary key, qty integer)", "insert into items values (1, 0), (2, 0)")
    url, env = base.url("example"), {"PYTHONPATH": EXAMPLE}
    seen = cli("doctor", "-t", url, env=env)
    assert (seen.code, "sqlite" in seen.text) == (0, True), seen.err
    done = cli(
        "run",
        "-e",
        "update items set qty = qty + :id where id = :id",
        "-t",
        url,
        "-p",
        "range:id=1..2",
        "--write",
        env=env,
    )
    assert (done.code, done.counts["changed"]) == (0, "2"), done.err
    assert "exactly once" in done.err
    assert base.execute("select qty from items order by id") == [(1,), (2,)]
    read = cli(
        "run",
        "-e",
        "select qty from items where id = :id",
        "-t",
        url,
        "-p",
        "range:id=1..2",
        "--format",
        "csv",
        env=env,
    )
    assert (read.code, read.text.split()) == (0, ["qty", "1", "2"]), read.err
    with pytest.raises((UsageError, MissingDriver)):
        drivers.open_driver("nosuchscheme:///x", read_only=True)

"""Any database with a Python driver: what is asked of every target, asked of libraries that nobody here knows well.

The libraries come with the extra `drivers-test`; an engine that is not installed is skipped.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.engines import ENGINES, Engine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli, Finished


@dataclass(frozen=True)
class Shop:
    """A database with 1,000 items."""

    engine: Engine
    url: str
    path: Path
    cli: Cli

    def run(self, *args: str, timeout_s: float = 60.0) -> Finished:
        """A command on it."""
        return self.cli(*args, "-t", self.url, env=self.engine.environment, timeout_s=timeout_s)

    def written(self) -> int:
        """Rows that writes have changed."""
        return int(self.engine.execute(self.url, self.engine.written)[0][0])


@pytest.fixture(params=ENGINES, ids=[engine.name for engine in ENGINES])
def shop(request: pytest.FixtureRequest, tmp_path: Path, cli: Cli) -> Shop:
    """A new one."""
    engine: Engine = request.param
    reason = engine.missing()
    if reason:
        pytest.skip(reason)
    path = tmp_path / "shop.db"
    if engine.name == "firebird":
        _firebird(engine, path)
    url = engine.url.format(path=path)
    engine.execute(url, *engine.make)
    return Shop(engine, url, path, cli)


def _firebird(engine: Engine, path: Path) -> None:
    """Firebird makes a database by a call of its own."""
    program = (
        "import sys; from firebird.driver import create_database, driver_config as config; "
        "config.fb_client_library.value = sys.argv[2]; create_database(sys.argv[1], user='SYSDBA').close()"
    )
    library = engine.url.rpartition("=")[2]
    subprocess.run([sys.executable, "-c", program, str(path), library], check=True, env=engine.environment, timeout=60)


def test_lookups(shop: Shop) -> None:
    """1,000 sets of a CSV file have their rows, in the order of the file; doctor knows the server."""
    ids = shop.path.with_name("ids.csv")
    ids.write_text("id\n" + "".join(f"{i}\n" for i in range(1000, 0, -1)))
    done = shop.run(
        *("run", "-e", "-- name: q(id: integer)\nselect id as a, name as b from items where id = :id", "-p", str(ids)),
        *("-j", "4", "--format", "csv"),
    )
    assert done.code == 0, done.err
    assert done.text.splitlines()[1:] == [f"{i},n{i}" for i in range(1000, 0, -1)]
    seen = shop.run("doctor")
    assert (seen.code, "unknown" in seen.text) == (0, False), seen.text


def test_a_set_that_fails_among_good_ones(shop: Shop) -> None:
    """It alone fails, and the sets behind it have their own rows."""
    done = shop.run("run", "-e", shop.engine.fails, "-p", "range:id=1..10", "-j", "1", "--format", "csv")
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (1, "9", "1"), done.err
    assert len(done.text.splitlines()) == 10
    assert "n=3 " in done.err


def test_the_time_is_kept(shop: Shop) -> None:
    """A query that is too slow is a timeout where it can be ended, and unknown where it runs on; the process ends with the code that it said."""
    done = shop.run("run", "-e", shop.engine.slow, "-p", "range:id=1..1", "--timeout", "1s")
    assert done.counts[shop.engine.late] == "1", done.err
    assert done.code == int(done.counts["exit"]) == (1 if shop.engine.late == "failed" else 3)
    assert "timed out after 1s" in done.err


def test_reads_change_nothing(shop: Shop) -> None:
    """A write without `--write` is refused, a file that is not there is not made."""
    done = shop.run("run", "-e", shop.engine.write, "-p", "range:id=1..2")
    assert done.code == 4, done.err
    assert shop.written() == 0
    missing = shop.path.with_name("typo.db")
    url = shop.engine.url.format(path=missing)
    gone = shop.cli("doctor", "-t", url, env=shop.engine.environment)
    assert (gone.code, missing.exists()) == (3, False), gone.err
    assert "no such file" in gone.err


def test_writes(shop: Shop) -> None:
    """What is said to be applied is there, once; what cannot be promised is refused; rows are counted or said not to be."""
    exact = shop.run("run", "-e", shop.engine.write, "-p", "range:id=1..40", "-j", "4", "--write")
    assert (exact.code, shop.written()) == ((0, 40) if shop.engine.exact else (4, 0)), exact.err
    done = shop.run("run", "-e", shop.engine.write, "-p", "range:id=101..140", "-j", "4", "--write", "--idempotent")
    assert (done.code, done.counts["ok"]) == (0, "40"), done.err
    assert done.counts["changed"] == ("40" if shop.engine.counts else "?")
    assert shop.written() == (80 if shop.engine.exact else 40)
    most = shop.run(
        *("run", "-e", shop.engine.write, "-p", "range:id=201..240", "-j", "1", "--write", "--idempotent"),
        *("--max-affected", "10"),
    )
    assert most.code == (4 if shop.engine.counts else 2), most.err
    assert shop.written() <= (80 if shop.engine.exact else 40) + 10


def test_checks(shop: Shop) -> None:
    """A passing check before a failing and an erroring one: none hides another."""
    checks = shop.path.with_name("checks.sql")
    checks.write_text(
        "-- name: green\n-- @expect empty\nselect id from items where id < 0;\n"
        "-- name: red\n-- @expect empty\nselect id from items where id = 1;\n"
        "-- name: broken\n-- @expect empty\nselect no_such_column from items;\n"
    )
    done = shop.run("check", str(checks))
    assert (done.counts["ok"], done.counts["failed"], done.counts["unknown"]) == ("1", "1", "1"), done.err
    assert done.code == 3

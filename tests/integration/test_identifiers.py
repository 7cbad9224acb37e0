"""A name that does not exist is the failure of its set, wherever it stands, on every driver; names may be quoted."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.databases import DRIVERS, SCHEMES, fresh

if TYPE_CHECKING:
    from tests.support.command import Cli
    from tests.support.databases import Database

COUNT = "-- name: cnt\n-- @param t ident\nselect count(*) as n from :{t};\n"
CHANGE = "-- name: chg\n-- @param t ident\nupdate :{t} set x = x + 1 where x > :k;\n"


@pytest.fixture(params=sorted(set(DRIVERS) - {"example", "short"}))
def driver(request: pytest.FixtureRequest) -> str:
    """Each driver."""
    return str(request.param)


@pytest.fixture
def database(driver: str, request: pytest.FixtureRequest) -> Database:
    """A fresh database with the tables a, b and c, of one row each."""
    found = fresh(DRIVERS[driver].kind, request)
    found.execute(*(f"create table {name} as select 1 as x" for name in "abc"))
    return found


def run(cli: Cli, url: str, query: str, names: list[str], *more: str) -> tuple[int, dict[str, str], bytes]:
    """Exit code, counts and output of a run over `names`."""
    (cli.folder / "q.sql").write_text(query)
    out = io.StringIO()
    csv.writer(out).writerows([["t"], *([name] for name in names)])
    (cli.folder / "names.csv").write_text(out.getvalue())
    done = cli("run", "q.sql", "-t", url, "-p", "names.csv", *more)
    return done.code, done.counts, done.out


@pytest.mark.parametrize("place", [0, pytest.param(1, marks=pytest.mark.long), 3])
@pytest.mark.parametrize("batch", ["1", "10"])
def test_a_missing_table_is_the_failure_of_its_set(
    cli: Cli, database: Database, driver: str, place: int, batch: str
) -> None:
    """First, in the middle or last: the others are done, and a retry repeats that one only."""
    names = ["a", "b", "c"]
    names.insert(place, "nosuch")
    url = database.url(SCHEMES[driver])
    code, counts, out = run(cli, url, COUNT, names, "--batch", batch)
    assert (code, counts["ok"], counts["failed"], counts["skipped"]) == (1, "3", "1", "0")
    assert [json.loads(line)["n"] for line in out.splitlines()] == [1, 1, 1]
    database.execute("create table nosuch as select 1 as x")
    assert cli("retry", "--last").code == 0


def test_a_write_goes_on_beside_a_missing_table(cli: Cli, database: Database, driver: str) -> None:
    """The first set's name is wrong: the two others are applied, once."""
    url = database.url(SCHEMES[driver])
    code, counts, _ = run(cli, url, CHANGE, ["nosuch", "a", "b"], "--write", "--param", "k=0")
    assert (code, counts["ok"], counts["failed"], counts["changed"]) == (1, "2", "1", "2")
    assert database.execute("select x from a") == [(2,)]


def test_only_missing_tables(cli: Cli, database: Database, driver: str) -> None:
    """Each set fails by itself: exit code 1, and nothing is skipped."""
    code, counts, out = run(cli, database.url(SCHEMES[driver]), COUNT, ["no", "nor", "no"])
    assert (code, counts["failed"], counts["skipped"], out) == (1, "3", "0", b"")


def test_an_error_of_the_text_is_told_once(cli: Cli, database: Database, driver: str) -> None:
    """No name helps a statement that is not SQL: one failure, the others are skipped."""
    wrong = COUNT.replace("select count(*)", "select count(* from")
    code, counts, _ = run(cli, database.url(SCHEMES[driver]), wrong, ["a", "b", "c"])
    assert (code, counts["failed"], counts["skipped"]) == (1, "1", "2")


def test_quoted_names(cli: Cli, database: Database, driver: str) -> None:
    """As `quote_ident` and `regclass` write them; on MariaDB with backquotes."""
    mark = "`" if database.kind == "mariadb" else '"'
    odd, dotted = f"{mark}My Table{mark}", f"{mark}Weird.Name{mark}"
    database.execute(*(f"create table {name} as select 1 as x" for name in (odd, dotted)))
    names = [odd, dotted, "My Table", f"{mark}a{mark}"]
    if database.kind != "mariadb":
        schema = "public" if database.kind == "postgresql" else "main"
        names += [f"{schema}.{dotted}", f'{schema}."a"', f'"{schema}".a']
    code, counts, _ = run(cli, database.url(SCHEMES[driver]), COUNT, names)
    assert (code, counts["ok"]) == (0, str(len(names)))


def test_values_are_checked_against_their_own_table(cli: Cli, database: Database, driver: str) -> None:
    """A text for a text column of the second table is not a bad number for the first."""
    database.execute("create table words as select 'abc' as x")
    (cli.folder / "q.sql").write_text("-- name: q\n-- @param t ident\nselect count(*) as n from :{t} where x = :v;\n")
    (cli.folder / "names.csv").write_text("t,v\na,1\nwords,abc\n")
    done = cli("run", "q.sql", "-t", database.url(SCHEMES[driver]), "-p", "names.csv")
    assert (done.code, [json.loads(line)["n"] for line in done.out.splitlines()]) == (0, [1, 1]), done.err

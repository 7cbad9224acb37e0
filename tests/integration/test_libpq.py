"""What libpq reads from the environment, the service file and the URL reaches the server, on every driver that reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest

from tests.support.libpq import SCHEMES, as_scheme
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.servers.pgbouncer import PgBouncer

SHOWN = "select current_setting('search_path') as path, current_setting('TimeZone') as zone"


@pytest.fixture(params=SCHEMES)
def url(request: pytest.FixtureRequest, database: str) -> str:
    """One database, through each driver."""
    return as_scheme(database, request.param)


@pytest.fixture
def acc(database: str) -> str:
    """Two tables of one name, in `public` and in `app`; the URL that sees both."""
    execute(
        database,
        "create schema app",
        "create table app.acc as select 1 as id, 0 as n",
        "create table public.acc as select 1 as id, 0 as n",
    )
    return database


def counts(url: str) -> list[object]:
    """`n` of app.acc and of public.acc."""
    return [execute(url, f"select n from {schema}.acc")[0][0] for schema in ("app", "public")]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_options_decide_which_table_is_changed(cli: Cli, acc: str, scheme: str) -> None:
    """`search_path` of PGOPTIONS leads to the schema that psql would change, on every lane."""
    sql = "update acc set n = n + 1 where id = :id"
    done = cli(
        *("run", "-e", sql, "-t", as_scheme(acc, scheme), "--param", "id=1", "-p", "range:k=1..40", "--write"),
        *("--extra-columns", "ignore", "--batch", "1"),
        env={"PGOPTIONS": "-c search_path=app"},
    )
    assert done.code == 0, done.err
    assert counts(acc) == [40, 0]


def test_every_lane_has_the_settings(cli: Cli, url: str) -> None:
    """Sessions that connect side by side are all given them."""
    done = cli(
        *("run", "-e", f"select pg_sleep(0.05), :k::int as k, s.* from ({SHOWN}) s", "-p", "range:k=1..60", "-t", url),
        *("--batch", "1", "-j", "16"),
        env={"PGOPTIONS": "--search-path=a,\\ b", "PGTZ": "Asia/Tokyo"},
    )
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert {(row["path"], row["zone"]) for row in rows} == {("a, b", "Asia/Tokyo")}


def test_a_service_file_has_options(cli: Cli, url: str, tmp_path: Path) -> None:
    """Host, database and `options=` of a service count, named in the URL or in the environment."""
    parts = urlsplit(url)
    path = tmp_path / "services"
    path.write_text(
        f"[svc]\nhost={parts.hostname}\nport={parts.port}\ndbname={parts.path[1:]}\nuser={parts.username}\n"
        f"password={parts.password or ''}\noptions=-csearch_path=app\n"
    )
    for target, environment in ((f"{parts.scheme}:///?service=svc", {}), (f"{parts.scheme}:///", {"PGSERVICE": "svc"})):
        done = cli("run", "-e", SHOWN, "-t", target, env={"PGSERVICEFILE": str(path), **environment})
        assert done.code == 0, done.err
        assert json.loads(done.out)["path"] == "app"


def test_a_date_is_read_in_the_order_that_is_asked_for(cli: Cli, url: str) -> None:
    """PGDATESTYLE decides what 03/02/2026 is; it is written in ISO style."""
    command = ("run", "-e", "select :d::date::text as d", "--param", "d=03/02/2026", "-t", url)
    assert json.loads(cli(*command, env={"PGDATESTYLE": "ISO, DMY"}).out) == {"d": "2026-02-03"}
    assert json.loads(cli(*command, env={"PGDATESTYLE": "ISO, MDY"}).out) == {"d": "2026-03-02"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PGOPTIONS": "-c nosuch=1"}, 'PGOPTIONS: unrecognized configuration parameter "nosuch"'),
        ({"PGOPTIONS": "-c work_mem=much"}, 'PGOPTIONS: invalid value for parameter "work_mem"'),
        ({"PGOPTIONS": "-c role=no_such_role"}, 'PGOPTIONS: role "no_such_role" does not exist'),
        ({"PGTZ": "Atlantis"}, 'PGTZ: invalid value for parameter "TimeZone"'),
        ({"PGOPTIONS": "-S 1"}, '"-S" is not understood'),
        ({"PGOPTIONS": "-c statement_timeout=1s"}, "use --timeout"),
        ({"PGDATESTYLE": "German"}, "PGDATESTYLE: datestyle=German cannot be honoured"),
        ({"PGCLIENTENCODING": "LATIN1"}, "client_encoding=LATIN1 (PGCLIENTENCODING)"),
        ({"PGSERVICE": "nowhere", "PGSERVICEFILE": "/nonexistent"}, 'no service "nowhere" in'),
    ],
)
def test_what_cannot_be_honoured_is_one_line(cli: Cli, url: str, environment: dict[str, str], words: str) -> None:
    """Exit code 2, the source of the setting, and nothing is executed."""
    done = cli("run", "-e", "select 1", "-t", url, env=environment)
    assert (done.code, done.out, done.err.count("\n")) == (2, b"", 1)
    assert words in done.err


def test_doctor_and_plan_say_the_settings(cli: Cli, url: str) -> None:
    """With the place where each was found."""
    environment = {"PGOPTIONS": "-c search_path=app", "PGTZ": "UTC"}
    shown = "search_path=app (PGOPTIONS), timezone=UTC (PGTZ)"
    assert shown in cli("doctor", "-t", url, env=environment).text
    assert shown in cli("plan", "run", "-e", "select 1", "-t", url, env=environment).text
    found = json.loads(cli("doctor", "-t", url, "--format", "json", env=environment).out)["server"]["settings"]
    assert found[0] == {"name": "search_path", "value": "app", "source": "PGOPTIONS"}


def test_the_name_of_the_sessions(cli: Cli, url: str) -> None:
    """PGAPPNAME is what the server's list of sessions shows."""
    sql = "select current_setting('application_name') as name"
    assert json.loads(cli("run", "-e", sql, "-t", url, env={"PGAPPNAME": "nightly"}).out) == {"name": "nightly"}


@pytest.mark.parametrize(("again", "extra"), [("resume", ("-x",)), ("retry", ())])
def test_what_goes_on_has_the_settings_of_its_run(cli: Cli, acc: str, again: str, extra: tuple[str, ...]) -> None:
    """A resume or a retry without them would change another table: exit code 4 says what differs."""
    execute(acc, "alter table app.acc add check (n < 1)")
    options = {"PGOPTIONS": "-c search_path=app"}
    command = ("run", "-e", "update acc set n = n + :k where id = 1", "-p", "range:k=0..5", "-t", acc, "--write")
    assert cli(*command, *extra, "--batch", "1", "-j", "1", env=options).code in {1, 5}
    done = cli(again, "--last")
    assert done.code == 4, done.err
    assert "search_path was app and is not set" in done.err
    assert counts(acc) == [0, 0]
    assert cli(again, "--last", env=options).code != 4


def test_a_pooler_gets_settings_in_every_transaction(cli: Cli, acc: str, pgbouncer: PgBouncer) -> None:
    """PgBouncer refuses start-up parameters; a write, a read, a check of values and identifiers have the settings all the same."""
    url = pgbouncer.through(acc)
    options = {"PGOPTIONS": "-c search_path=app", "PGTZ": "Asia/Tokyo", "PGDATESTYLE": "ISO, DMY"}
    update = ("run", "-e", "update acc set n = n + 1 where id = :id", "--param", "id=1", "-t", url, "--write")
    done = cli(*update, env=options)
    assert done.code == 0, done.err
    assert counts(acc) == [1, 0]
    done = cli("run", "-e", f"{SHOWN}, :d::date::text as d", "--param", "d=31/12/2026", "-t", url, env=options)
    assert done.code == 0, done.err
    assert json.loads(done.out) == {"path": "app", "zone": "Asia/Tokyo", "d": "2026-12-31"}
    assert json.loads(cli("run", "-e", SHOWN, "-t", url).out)["path"] != "app"


def test_a_pooler_that_drops_settings_is_noticed(cli: Cli, acc: str, pgbouncer: PgBouncer) -> None:
    """libpq sends them with the connection; PgBouncer refuses them, by name."""
    done = cli(
        *("run", "-e", SHOWN, "-t", as_scheme(pgbouncer.through(acc), "postgresql+psycopg")),
        env={"PGOPTIONS": "-c search_path=app"},
    )
    assert done.code in {2, 3}
    assert done.out == b""
    assert "options" in done.err or "search_path" in done.err


def test_settings_of_the_url(cli: Cli, database: str) -> None:
    """A URL of asyncpg may hold settings by name, also through a pooler."""
    mark = "&" if "?" in database else "?"
    for target in (f"{database}{mark}search_path=app", f"{database}{mark}options={quote('-csearch_path=app')}"):
        assert json.loads(cli("run", "-e", SHOWN, "-t", target).out)["path"] == "app"

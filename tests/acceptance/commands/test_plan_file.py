"""A plan of a backfill is written to a file, reviewed, and carried out if nothing differs."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.support.servers import passwords
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

TABLE = "create table users (id integer primary key, code integer not null unique, n integer not null)"


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The URL of a file."""
    connection = sqlite3.connect(tmp_path / "app.db")
    connection.execute(TABLE)
    connection.executemany("insert into users values (?, ?, 1)", [(n, n) for n in range(1, 41)])
    connection.commit()
    connection.close()
    return f"sqlite:///{tmp_path / 'app.db'}"


def total(tmp_path: Path) -> int:
    """The sum of what the backfill changes."""
    connection = sqlite3.connect(tmp_path / "app.db")
    (found,) = connection.execute("select sum(n) from users").fetchone()
    connection.close()
    return int(found)


SET = ("--over", "users", "--set", "n = n + 1")


def test_a_plan_is_carried_out(cli: Cli, file: str, tmp_path: Path) -> None:
    """With its options; options that say how to report may be added, others have to be those of the plan."""
    planned = cli("plan", "backfill", "-t", file, *SET, "--where", "n > 0", "-j", "1", "-o", "plan.json")
    assert planned.code == 0, planned.err
    assert planned.text.endswith(
        "no query was executed. The plan is in plan.json. To carry it out: bulkq backfill --plan plan.json\n"
    )
    assert total(tmp_path) == 40
    for option in (("-j", "2"), ("--set", "n = 3"), ("--delete",), ("--timeout", "1s"), ("--max-rows", "5")):
        other = cli("backfill", "--plan", "plan.json", *option)
        assert (other.code, other.err.count("\n")) == (2, 1), other.err
        assert " contradicts the plan plan.json: leave it out, or plan again" in other.err
    shown = cli("backfill", "--plan", "plan.json", "--rehearse", "2")
    assert (shown.code, total(tmp_path)) == (0, 40)
    done = cli("backfill", "--plan", "plan.json", "-j", "1", "--where", "n > 0", "--progress", "none", "--name", "x")
    assert (done.counts["changed"], total(tmp_path), "lanes=1" in done.err) == ("40", 80, True)


def test_what_differs_is_refused(cli: Cli, file: str, tmp_path: Path) -> None:
    """A line for each difference: settings, the statement, the key, the version of the server and the database."""
    (tmp_path / "q.sql").write_text("-- name: up\n-- @over users\nupdate users set n = n + 1 where :range;\n")
    cli("plan", "backfill", "q.sql:up", "-t", file, "--throttle", f"file:{tmp_path / 'hold'}", "-o", "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    (tmp_path / "q.sql").write_text("-- name: up\n-- @over users\nupdate users set n = n + 2 where :range;\n")
    plan["tables"][0] |= {"server": "sqlite 2", "key": ["code INTEGER"]}
    plan["settings"]["throttle"] = []
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    refused = cli("backfill", "--plan", "plan.json")
    assert refused.code == 4
    lines = [line.removeprefix("bulkq: plan.json: ").removeprefix(f"{file}: ") for line in refused.err.splitlines()]
    assert [line.partition(":")[0] for line in lines] == ["throttle", "server", "key", "statement"]
    assert lines[1] == 'server: "sqlite 2" in the plan, "sqlite 3" now: plan again, or restore what was planned'
    assert 'n + 1 where :range" in the plan, ' in lines[3]
    shutil.copy(tmp_path / "app.db", tmp_path / "copy.db")
    other = cli("backfill", "--plan", "plan.json", "-t", f"sqlite:///{tmp_path / 'copy.db'}")
    assert (other.code, ": database: " in other.err) == (4, True)
    sqlite3.connect(tmp_path / "empty.db").close()
    empty = cli("backfill", "--plan", "plan.json", "-t", f"sqlite:///{tmp_path / 'empty.db'}")
    assert (empty.code, empty.err.count("\n"), ": database: " in empty.err) == (4, 1, True)
    assert total(tmp_path) == 40


def test_files_that_are_no_plan(cli: Cli, file: str, tmp_path: Path) -> None:
    """One line and exit code 2; a refused plan is not written."""
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    for name in ("other.json", "bytes.json", "none.json", "."):
        done = cli("backfill", "--plan", name)
        assert (done.code, done.err.count("\n"), done.text) == (2, 1, "")
    away = cli("plan", "backfill", "-t", file, *SET, "-o", "nowhere/plan.json")
    assert (away.code, away.last) == (2, "bulkq: -o nowhere/plan.json: no such file or directory: name another file")
    scan = "n = (select count(*) from users)"
    refused = cli("plan", "backfill", "-t", file, "--over", "users", "--set", scan, "-o", "plan.json")
    assert (refused.code, (tmp_path / "plan.json").exists()) == (4, False)
    assert refused.text.endswith("no query was executed, and plan.json was not written\n")


def test_a_plan_has_no_secrets(cli: Cli, database: str, tmp_path: Path) -> None:
    """Neither a password nor the value of a secret parameter, which is given again."""
    connection = psycopg2.connect(database)
    connection.cursor().execute(f"{TABLE}; insert into users values (1, 1, 1)")
    connection.commit()
    connection.close()
    (tmp_path / "q.sql").write_text(
        "-- name: up\n-- @over users\n-- @param pin integer secret\nupdate users set n = :pin where :range;\n"
    )
    head, at, rest = database.partition("@")
    word = passwords.of("postgres") or "hush-hush"
    url = f"{head}:{word}{at}{rest}" if "//postgres@" in database else database
    planned = cli("plan", "backfill", "q.sql:up", "-t", url, "--param", "pin=4711", "-o", "plan.json")
    assert planned.code == 0, planned.err
    text = (tmp_path / "plan.json").read_text()
    assert word not in text
    assert "4711" not in text
    missing = cli("backfill", "--plan", "plan.json")
    assert (missing.code, '":pin" has no value' in missing.err) == (2, True)
    done = cli("backfill", "--plan", "plan.json", "--param", "pin=4711")
    assert (done.code, done.counts["changed"]) == (0, "1"), done.err


def test_a_session_with_another_meaning_is_refused(cli: Cli, database: str, tmp_path: Path) -> None:
    """In another time zone, the condition that was reviewed is true for other rows."""
    servers.execute(
        database,
        "create table e (id int primary key, at timestamptz, n int not null default 0)",
        "insert into e select i, '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour' from generate_series(-20, 20) i",
    )
    given = ("--over", "e", "--set", "n = n + 1", "--where", "at < '2024-01-01'", "--verify", "select 0")
    planned = cli("plan", "backfill", "-t", database, *given, "-o", "plan.json", env={"PGTZ": "UTC"})
    assert planned.code == 0, planned.err
    refused = cli("backfill", "--plan", "plan.json", env={"PGTZ": "Asia/Tokyo"})
    assert (refused.code, refused.err.count("settings of the session: ")) == (4, 1), refused.err
    assert (refused.err.count("TimeZone=UTC"), refused.err.count("TimeZone=Asia/Tokyo")) == (1, 1)
    done = cli("backfill", "--plan", "plan.json", env={"PGTZ": "UTC"})
    assert (done.code, done.counts["changed"]) == (0, "20"), done.err


def test_a_column_of_another_type_is_refused(cli: Cli, database: str, tmp_path: Path) -> None:
    """The server rounds, pads or cuts what is stored. A column that the statement does not name may change."""
    servers.execute(
        database,
        "create table p (id int primary key, price numeric(10,2) default 1.25, memo varchar(9), zzz int)",
        "insert into p (id) select generate_series(1, 20)",
    )
    given = ("--over", "p", "--set", "price = price / 2", "--where", "memo is null", "--verify", "select 0")
    assert cli("plan", "backfill", "-t", database, *given, "-o", "plan.json").code == 0
    servers.execute(database, "alter table p alter price type numeric(10,1), alter zzz type bigint")
    refused = cli("backfill", "--plan", "plan.json")
    assert (refused.code, refused.err.count("plan.json")) == (4, 1), refused.err
    assert (
        "types of columns: (price numeric(10,2), memo character varying(9)) in the plan, (price numeric(10,1)"
        in refused.err
    )
    servers.execute(database, "alter table p alter price type numeric(10,2)")
    assert cli("backfill", "--plan", "plan.json").code == 0


def test_what_goes_beside_the_statement_is_planned(cli: Cli, file: str, tmp_path: Path) -> None:
    """The function and the query that takes its rows; the images, which a rehearsal leaves out."""
    (tmp_path / "double.py").write_text("def double(rows):\n    return [{**row, 'n': 2 * row['n']} for row in rows]\n")
    (tmp_path / "q.sql").write_text("-- name: keep\nupdate users set n = :n where id = :id;\n")
    read = ("--over", "users", "--select", "select id, n from users where :range", "--map", "double:double")
    planned = cli("plan", "backfill", "-t", file, *read, "--apply", "q.sql:keep", "-o", "map.json")
    assert planned.code == 0, planned.err
    assert "map           double:double\napply         update users set n = :n where id = :id\n" in planned.text
    assert cli("backfill", "--plan", "map.json").counts["changed"] == "40"
    assert "capture       what each row was" in cli("plan", "backfill", "-t", file, *SET, "--capture").text
    assert "left out      the images" in cli("backfill", "-t", file, *SET, "--capture", "--rehearse", "2").text
    assert total(tmp_path) == 80

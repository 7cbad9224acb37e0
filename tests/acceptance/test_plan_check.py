"""`bulkq plan check` as it is typed: what would run, what is left out, what the servers refuse, and that nothing is executed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bulkq.cli import main
from tests.support.servers import postgres as servers
from tests.support.servers.processes import free_port

Plan = Callable[..., tuple[int, str, str]]

CHECKS = """\
-- name: orphans
-- Every order has
-- a customer.
-- @tags orders, nightly
-- @owner sales
-- @timeout 5s
select id from orders where customer is null;

-- name: known
-- @until 2020-12-31
-- @warn rows > 0
-- @fail rows > 10
-- @sample 3
-- @mask ID
select id from orders;

-- name: sold(product: integer)
-- @params range:product=1..3
-- @expect not empty
select id from orders where id = :product;

-- name: same
-- @until 2999-12-31
-- @expect same as counted
select count(*) from orders;

-- name: counted
select count(*) from orders;
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Plan:
    """Runs `plan check` in this process, in a folder with checks, two databases and their names: exit code, stdout, stderr."""
    for name in [name for name in os.environ if name.startswith(("BULKQ_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for name, columns in (("app", "id integer, customer integer"), ("bare", "id integer")):
        with closing(sqlite3.connect(f"{name}.db")) as database:
            database.execute(f"create table orders ({columns})")
    Path("bulkq.toml").write_text(
        '[targets.app]\nurl = "sqlite:///app.db"\n[targets.bare]\nurl = "sqlite:///bare.db"\n'
        f'[targets.down]\nurl = "postgresql://u@127.0.0.1:{free_port()}/d"\n'
        '[targets.wrong]\nurl = "sqlite:///app.db"\nexpect.sql = "select 1"\nexpect.value = "2"\n'
    )
    Path("checks").mkdir()
    Path("checks/a.sql").write_text(CHECKS)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["plan", "check", *arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def test_every_check_is_described(plan: Plan, tmp_path: Path) -> None:
    """In the order of the file, with all that its header says; the reports, the ledger and the limits; and nothing is made."""
    Path("old.html").write_text("")
    reports = ("--report", "junit:x.xml", "--report", "html:old.html", "--report", "json")
    arguments = ("checks", "-t", "app", "-j", "3", "--timeout", "7s", "-x", *reports)
    code, out, err = plan(*arguments)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "target        app"
    assert lines[1].startswith("server        sqlite 3.")
    assert lines[1].endswith(", driver aiosqlite")
    assert lines[2].startswith("mode          check: no data is changed")
    assert lines[3] == f"ledger        {tmp_path / 'state' / 'bulkq' / 'ledger.db'}"
    assert lines[4] == (
        "limits        -j 3, timeout 7s, lock timeout 2s, retries 2, outage 10s, deadline none, "
        "at most 10,000,000 rows of a check, fail fast"
    )
    assert (
        "\n".join(lines[5:])
        == f"""\
report        junit to x.xml
report        html to old.html (exists, will be replaced)
report        json to stdout
checks        4; 1 only for comparison
check         orphans  checks/a.sql:7  empty
  about       Every order has a customer.
  tags        orders, nightly
  owner       sales
  columns     id
check         known  checks/a.sql:15  not rows > 10 (warns on rows > 0)
  until       2020-12-31, which has passed: a failure counts
  sample      3 rows
  mask        ID
  columns     id
check         sold  checks/a.sql:20  not empty
  parameter   product: integer
  sets        3 from range:product=1..3
  first       product=1
  columns     id
check         same  checks/a.sql:25  same as counted
  until       2999-12-31: until then, a failure is a warning
  columns     count(*)
  compared    with checks/a.sql:counted, which runs at the same time
no query was executed. To run it: bulkq check {" ".join(arguments)}"""
    )
    assert not Path("state").exists()
    assert not Path("x.xml").exists()


def test_what_is_left_out_is_counted(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """By tag, by pattern, by file; a check's own @timeout is shown; GitHub's report comes by itself."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    Path("checks/b.sql").write_text("select 1 where 0")
    code, out, _ = plan(
        "checks", "-t", "app", "--tag", "nightly", "--exclude", "known", "--exclude", "b.sql*", "--exclude", "*/b.sql"
    )
    assert code == 0
    assert "checks        1; left out: 2 without --tag nightly, 1 by --exclude, 1 file by --exclude; 1 only for" in out
    assert "check         orphans  checks/a.sql:7  empty, timeout 5s\n" in out
    assert "report        github, because bulkq runs in GitHub Actions\n" in out


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        ("select nope from orders", [], 3, "checks/b.sql:1: SQLITE_ERROR no such column: nope"),
        ("update orders set id = 1", [], 3, "UPDATE changes data, and a check only reads"),
        ("begin", [], 3, "BEGIN controls the session or its transaction"),
        ("-- @mask nam\nselect 1 as name", [], 3, '@mask "nam" is not a column of the result (name)'),
        ("-- @expect unchanged\nselect 1", ["--ledger", "none"], 3, "unchanged: there is no ledger to compare with"),
        ("-- @expect same as b on app\nselect 1", [], 3, "same as b on app: that is the check itself on the database"),
        ("-- @expect same as none\nselect 1", [], 2, 'no query named "none"'),
        ("-- name: b\n-- @expect same as c\nselect 1;\n-- name: c\nselect 1 from nope", [], 3, "no such table: nope"),
        ("-- @params none.csv\nselect :id", [], 2, "refused       checks/none.csv: no such file"),
        ("-- @params ids.csv\nselect :id", [], 3, "there are no parameter sets"),
        ("-- @params ids.csv\nselect :id", ["--allow-empty"], 0, "sets        0 from checks/ids.csv"),
        ("-- @params sql:select 1 as id from gone\nselect :id", [], 0, "gone, not executed now"),
        ("select 1", ["--snapshot"], 2, "refused       --snapshot: app cannot share a snapshot"),
        ("select 1", ["--exclude", "*"], 2, "no check was selected"),
        ("select 1", ["--param", "x=1"], 2, "x"),
        ("-- @expect rowz = 1\nselect 1", [], 2, "is not a condition"),
    ],
)
def test_the_exit_code_is_that_of_the_checks(plan: Plan, text: str, options: list[str], code: int, said: str) -> None:
    """What would be an error whatever the data are is one of the plan, with the same exit code; the rest is data."""
    Path("checks/ids.csv").write_text("id\n")
    Path("checks/b.sql").write_text(text)
    found, out, err = plan("checks/b.sql", "-t", "app", *options)
    assert found == code
    assert said in out + err
    if "refused " in said or code in {0, 3}:
        assert out.splitlines()[-1].startswith("no query was executed. To run it: bulkq check checks/b.sql -t app")


def test_every_target_prepares_every_check(plan: Plan) -> None:
    """One that is down hides nothing; what the first takes another may refuse; `same as NAME on TARGET` is asked there."""
    code, out, _ = plan("checks/a.sql", "-t", "down", "-t", "app", "-t", "bare")
    assert code == 3
    assert out.startswith(
        "targets       3: down, app, bare; the plan examines the first that can be reached\ntarget        app\n"
    )
    assert "also          down: connection refused" in out
    assert "\nchecks/a.sql:7: bare: SQLITE_ERROR no such column: customer\n" in out
    assert plan("checks/a.sql", "-t", "app", "-t", "wrong")[0] == 4
    assert plan("checks/a.sql", "-t", "down")[0] == 3
    Path("there.sql").write_text(
        "-- name: a\n-- @expect same as b on bare\nselect id from orders;\n-- name: b\nselect customer from orders;\n"
    )
    code, out, _ = plan("there.sql", "-t", "app")
    assert code == 3
    assert "  compared    with there.sql:b on bare, which runs at the same time\n" in out
    assert "\nthere.sql:5: bare: SQLITE_ERROR no such column: customer\n" in out


def test_a_query_for_targets_is_not_asked(plan: Plan) -> None:
    """It is prepared; what its targets would say of the checks nobody knows yet; without targets there is a list."""
    code, out, _ = plan("checks", "-t", "bare", "--targets-sql", "select 'app'", "--schemas", "x%")
    assert code == 0
    assert out.startswith(
        "targets       unknown: --targets-sql \"select 'app'\" is not executed; it would run on bare\n"
        "schemas       of those targets, like x%: not listed\nasks          bare\n"
    )
    assert out.count("  prepared    when its targets are known\n") == 4
    code, out, _ = plan("checks", "-t", "app", "--targets-sql", "select nope")
    assert (code, "--targets-sql:1: SQLITE_ERROR no such column: nope" in out) == (2, True)
    code, out, _ = plan("checks/a.sql:orphans", "--allow-empty")
    assert code == 0
    assert out.startswith("target        none, which --allow-empty permits\nmode")


def test_schemas_are_listed(plan: Plan, database: str) -> None:
    """A read of the catalog: of `check` and of `run` each schema is a target, and what lacks a table says so."""
    for schema in ("tenant_a", "tenant_b", "tenant_c"):
        servers.execute(database, f"create schema {schema}", f"create table {schema}.orders (id int, customer int)")
    servers.execute(database, "drop table tenant_b.orders")
    names = ("-t", database, "--schemas", "tenant\\_%")
    code, out, _ = plan("checks/a.sql:orphans", *names)
    assert code == 3
    assert "schemas       3: tenant_a, tenant_b, tenant_c (like tenant\\_%)\n" in out
    assert out.partition("target        ")[2].partition("\n")[0].endswith("/tenant_a")
    assert "/tenant_b: 42P01 relation" in out
    assert "  columns     id integer\n" in out
    assert main(["plan", "run", "-e", "select id from orders", *names]) == 1
    assert main(["plan", "run", "-e", "select id from orders", *names[:2], "--schemas", "tenant_a,tenant_c"]) == 0
    assert plan("checks/a.sql:orphans", *names[:3], "nobody%")[0] == 2
    assert (
        plan("checks/a.sql:orphans", "-t", database, "--snapshot", "--ledger", "none")[0] == 3
    )  # no such table in public


def test_a_masked_parameter_is_not_shown(plan: Plan) -> None:
    """A parameter with the name of a masked column has `***` in the line of the first set, in any case."""
    Path("m.sql").write_text("-- @mask Id, customer\nselect id from orders where id = :id and customer = :other;\n")
    Path("m.csv").write_text("id,other\n4711,5\n")
    code, out, err = plan("m.sql", "-t", "app", "-p", "m.csv")
    assert "first       id=***, other=5" in out, (code, err)
    for given in (["--param", "id=4711"], ["--param=id=4711"]):
        _, out, _ = plan("m.sql", "-t", "app", *given, "--param", "other=5")
        assert "4711" not in out
        assert "id=***" in out.splitlines()[-1]
        assert "other=5" in out.splitlines()[-1]

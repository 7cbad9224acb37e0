"""Wrong input is answered by one line that says the next step, with exit code 2 and nothing executed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.servers import postgres as servers
from tests.support.servers.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.command import Cli, Finished

TARGET = "sqlite:///app.db"
SETUP = "create table t(id integer primary key, v text); insert into t values (1, 'one'), (2, 'two');"
QUERY = "-- name: one(id: bigint)\nselect v from t where id = :id;\n"

FILES: dict[str, bytes] = {
    "one.sql": QUERY.encode(),
    "touch.sql": b"-- name: touch(id: bigint)\n-- @mode write\nupdate t set v = 'touched' where id = :id;\n",
    "outside.sql": b"-- name: tidy\n-- @transaction off\nvacuum;\n",
    "empty.sql": b"",
    "blank.sql": b"\n-- only a comment\n",
    "latin.sql": "-- name: one\nselect 'é';\n".encode("latin-1"),
    "key.sql": b"-- name: one\n-- @timout 5s\nselect 1;\n",
    "twice.sql": b"-- name: one\nselect 1;\n-- name: one\nselect 2;\n",
    "unclosed.sql": b"-- name: one\nselect 'abc;\n",
    "two.sql": b"-- name: one\nselect 1; select 2;\n",
    "good.csv": b"id\n1\n2\n",
    "few.csv": b"id,v\n1,a\n2\n",
    "many.csv": b"id\n1\n2,3\n",
    "other.csv": b"key\n1\n",
    "extra.csv": b"id,extra\n1,x\n",
    "bad.csv": b"id\n1\n12a\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database, good files and bad ones."""
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "queries").mkdir()
    database = sqlite3.connect(tmp_path / "app.db")
    database.executescript(SETUP)
    database.close()
    return tmp_path


def rows(folder: Path) -> list[tuple[int, str]]:
    """What is in the table now."""
    database = sqlite3.connect(folder / "app.db")
    try:
        return database.execute("select id, v from t order by id").fetchall()
    finally:
        database.close()


def assert_one_line(done: Finished, words: Sequence[str], code: int) -> None:
    """One line on stderr that holds all `words`; nothing on stdout; no traceback."""
    lines = done.err.splitlines()
    assert len(lines) == 1, done.err
    for word in words:
        assert word in lines[0], lines[0]
    assert done.out == b""
    assert done.code == code, done.err


ONE = ["run", "one.sql", "-t", TARGET]
INLINE = ["run", "-e", "select 1", "-t", TARGET]
TOUCH = ["run", "touch.sql", "-t", TARGET, "-p", "good.csv"]

MAY_WRITE = ["-e", "select abs(1) as n", "-t", TARGET, "--write"]
UNCOUNTED = '"sql" may call functions that change rows, which databases do not count, so {} cannot be enforced'

BAD = {
    "no such file": (["run", "on.sql", "-t", TARGET], ['bulkq: no such file: "on.sql"', "did you mean one.sql?"]),
    "an empty file": (["run", "empty.sql", "-t", TARGET], ["empty.sql:1: ", "empty"]),
    "only comments": (["run", "blank.sql", "-t", TARGET], ["blank.sql:", "no statement"]),
    "a folder": (["run", "queries", "-t", TARGET], ['"queries" is a folder', "name a file"]),
    "bad UTF-8": (["run", "latin.sql", "-t", TARGET], ["latin.sql:2: ", "UTF-8"]),
    "no such name": (["run", "one.sql:two", "-t", TARGET], ["one.sql", '"two"', "one"]),
    "too few fields": ([*ONE, "-p", "few.csv", "--extra-columns", "ignore"], ["few.csv:3: ", "field"]),
    "too many fields": ([*ONE, "-p", "many.csv"], ["many.csv:3: ", "field"]),
    "a missing parameter": ([*ONE, "-p", "other.csv", "--extra-columns", "ignore"], ["other.csv", "id", "key"]),
    "a column of another name": ([*ONE, "-p", "other.csv"], ["other.csv:1: ", "no column", ":id", "key"]),
    "an unused parameter": ([*ONE, "-p", "extra.csv"], ["extra.csv", "extra", "--extra-columns ignore"]),
    "a target of two lines": (["run", "one.sql", "-t", "on\ne"], ['target "on\\ne" is not a URL']),
    "an unclosed string of a source": ([*ONE, "-p", "sql:select 'abc as id"], ["-p sql:1: string is not closed"]),
    "no statement": (
        ["run", "-e", "selec 1", "-t", TARGET],
        ['unknown statement "SELEC"', "did you mean SELECT?", "--write"],
    ),
    "no parameters": (ONE, ["id", "-p"]),
    "a bad value": ([*ONE, "-p", "bad.csv"], ["bad.csv:3: ", '"12a"', "bigint", ":id"]),
    "no such parameter file": ([*ONE, "-p", "goods.csv"], ["goods.csv"]),
    "an unknown option": (
        [*INLINE, "--timout", "5s"],
        ['bulkq run: no such option "--timout" (did you mean --timeout?)'],
    ),
    "an option of another program": (
        [*INLINE, "--jobs", "4"],
        ['bulkq run: no such option "--jobs" (did you mean -j?)'],
    ),
    "an option of psql": (["doctor", "-d", "shop"], ['bulkq doctor: no such option "-d" (did you mean -t?)']),
    "a dry run": ([*INLINE, "--dry-run"], ["(bulkq plan run shows what would be done)"]),
    "an option like no other": ([*INLINE, "--zzz"], ['no such option "--zzz" (bulkq run --help lists them)']),
    "an option before the command": (["-t", TARGET, "run"], ["options stand after the command, as in bulkq run -t"]),
    "a target without -t": (["doctor", "prod"], ["got unexpected extra argument (prod): a target needs -t"]),
    "a question without run": (
        ["diag", "blocking", "-t", TARGET],
        ["(write bulkq diag run blocking; bulkq diag --help"],
    ),
    "an unknown value": ([*INLINE, "--progress", "lnes"], ["bulkq run: --progress lnes: ", "did you mean lines?"]),
    "an unknown format": ([*INLINE, "--format", "jsonll"], ["--format jsonll: ", "did you mean jsonl?"]),
    "an unknown column": ([*INLINE, "--include", "n,parms"], ["--include parms: ", "did you mean params?"]),
    "an unknown report": ([*INLINE, "--report", "jsn:r.json"], ["--report", "jsn", "json"]),
    "no command of maintain": (["maintain"], ["bulkq maintain: command is missing (one of vacuum, freeze, "]),
    "an unknown command": (["rnu", "one.sql"], ['bulkq: no such command "rnu" (did you mean run?)']),
    "an unknown key": (["run", "key.sql", "-t", TARGET], ["key.sql:2: unknown key @timout (did you mean @timeout?)"]),
    "two queries of one name": (["run", "twice.sql", "-t", TARGET], ["twice.sql:3: ", '"one"']),
    "an unclosed string": (["run", "unclosed.sql", "-t", TARGET], ["unclosed.sql:2: ", "not closed"]),
    "two statements": (["run", "two.sql", "-t", TARGET], ["two.sql:2: ", "two statements"]),
    "no target": (["run", "one.sql"], ["bulkq: no target", "-t sqlite:///"]),
    "a map of a write": ([*ONE, "-p", "good.csv", "--write", "--map", "a:b"], ["--map is for reads"]),
    "a map that is not there": ([*ONE, "-p", "good.csv", "--map", "no_such_module:f"], ["No module named"]),
    "schemas of SQLite": ([*ONE, "-p", "good.csv", "--schemas", "tenant_%"], ["--schemas is for PostgreSQL"]),
    "targets of two databases": (
        [*ONE, "-p", "good.csv", "-t", "sqlite:///other.db", "--targets-sql", "select 1"],
        ["give -t once"],
    ),
    "whose parameters": (
        [*ONE, "-t", "sqlite:///other.db", "-p", "sql:select 1 as id"],
        ["several targets", "--params-target"],
    ),
    "an order without the rest": ([*ONE, "-p", "good.csv", "--order", "canary:x"], ["canary:NAME,rest"]),
    "an unknown canary": ([*ONE, "-p", "good.csv", "--order", "canary:x,rest"], ['no target is called "x"']),
    "no scheme": (["run", "one.sql", "-t", "app.db"], ['"app.db" is not a URL', "sqlite:///"]),
    "an unknown scheme": (
        ["run", "one.sql", "-t", "postgress://h/d", "-p", "good.csv"],
        ["postgress", "postgresql://"],
    ),
    "nothing to run": (["run", "-t", TARGET], ["bulkq: nothing to run", "-e"]),
    "bytes that are no text": (["run", "-e", "select '\udcff'", "-t", TARGET], ["bulkq: -e", "not UTF-8"]),
    "an empty query": (["run", "-e", " ", "-t", TARGET], ["bulkq: -e", "write a query"]),
    "a report that is the output": (
        ["run", "one.sql", "-t", TARGET, "-p", "good.csv", "-o", "{query}.json", "--report", "json:one.json"],
        ["-o", "--report", "would write the same file"],
    ),
    "a report that is the input": (
        ["run", "one.sql", "-t", TARGET, "-p", "good.csv", "--report", "text:./good.csv"],
        ["--report", "-p", "good.csv"],
    ),
    "no output folder": ([*INLINE, "-o", "nowhere/out.csv"], ["nowhere"]),
    "no failures folder": ([*INLINE, "--failures", "nowhere/f.jsonl"], ["nowhere"]),
    "no report folder": ([*INLINE, "--report", "json:nowhere/r.json"], ["nowhere"]),
    "a report among the rows": ([*INLINE, "--report", "json"], ["--report json", "stdout", "-o FILE"]),
    "no lanes": ([*INLINE, "-j", "0"], ["bulkq run: -j 0: must be auto or at least 1"]),
    "half a lane": ([*INLINE, "--concurrency=x"], ["bulkq run: --concurrency x: must be auto or a whole number"]),
    "no unit": ([*INLINE, "--timeout", "5"], ["bulkq run: --timeout 5: write a unit, for example 5s"]),
    "no time": ([*INLINE, "--timeout", "0s"], ["--timeout 0s: ", "none"]),
    "an unknown unit": ([*INLINE, "--deadline", "5x"], ['--deadline 5x: has an unknown unit "x"']),
    "no batch": ([*INLINE, "--batch", "0"], ["bulkq run: --batch 0: must be auto or at least 1"]),
    "a wrong batch": ([*INLINE, "--batch", "big"], ["bulkq run: --batch big: must be auto or a whole number"]),
    "no failures allowed": ([*INLINE, "--max-failures", "0"], ["--max-failures 0: must be at least 1"]),
    "too many percent": ([*INLINE, "--max-failures", "101%"], ["--max-failures 101%: ", "at most 100%"]),
    "a wrong threshold": ([*INLINE, "--max-failures", "few"], ["--max-failures few: ", "for example 100 or 5%"]),
    "less than no retries": ([*INLINE, "--retries", "-1"], ["--retries -1: must be at least 0"]),
    "no name": ([*INLINE, "--param", "1"], ["--param 1: write NAME=VALUE"]),
    "a parameter twice": ([*ONE, "--param", "id=1", "--param", "id=2"], ['--param "id"', "twice"]),
    "an unknown allowance": ([*INLINE, "--allow", "ddll"], ["--allow ddll: ", "did you mean ddl?"]),
    "an option without its value": ([*INLINE, "--timeout"], ["--timeout", "requires an argument"]),
    "a session statement": (["run", "-e", "begin", "-t", TARGET], ["BEGIN", "remove it"]),
    "a ledger of another kind": (
        [*INLINE, "--ledger", "mysql://h/d"],
        ['--ledger "mysql://h/d"', "a PostgreSQL database"],
    ),
    "a ledger in memory": ([*INLINE, "--ledger", ":memory:"], ['--ledger ":memory:"', "in-memory database"]),
    "nothing to be changed": ([*TOUCH, "--max-affected", "0"], ["bulkq run: --max-affected 0: must be at least 1"]),
    "less than no rows": ([*TOUCH, "--expect-rows", "-1"], ["bulkq run: --expect-rows -1: must be at least 0"]),
    "rows that are no number": ([*TOUCH, "--expect-rows", "one"], ["--expect-rows one: must be a whole number"]),
    "no marker table": ([*TOUCH, "--marker-table", "ops."], ["--marker-table ops.: write [SCHEMA.]PREFIX"]),
    "an unknown way with unknowns": (
        [*TOUCH, "--on-unknown", "retyr"],
        ["--on-unknown retyr: ", "did you mean retry?"],
    ),
    "repeats of a read": ([*INLINE, "--idempotent"], ["bulkq: --idempotent is for runs that change data: add --write"]),
    "rows of a read": ([*INLINE, "--expect-rows", "1"], ["--expect-rows is for runs that change data", "--write"]),
    "changes of a read": ([*INLINE, "--max-affected", "1"], ["--max-affected is for runs that change data", "--write"]),
    "markers of a read": ([*INLINE, "--keep-markers"], ["--keep-markers is for runs that change data", "--write"]),
    "a marker table of a read": ([*INLINE, "--marker-table", "x"], ["--marker-table is for runs that", "--write"]),
    "unknowns of a read": ([*INLINE, "--on-unknown", "retry"], ["--on-unknown is for runs that", "--write"]),
    "markers that nobody makes": (
        [*TOUCH, "--write", "--idempotent", "--keep-markers"],
        ["bulkq: --idempotent makes no markers: leave it out, or --keep-markers"],
    ),
    "markers without a ledger": (
        [*TOUCH, "--write", "--ledger", "none", "--marker-table", "x"],
        ["bulkq: --ledger none makes no markers: leave it out, or --marker-table"],
    ),
    "nothing to undo": (
        ["run", "outside.sql", "-t", TARGET, "--write", "--max-affected", "5"],
        ['outside.sql:3: "tidy" runs outside a transaction, where --max-affected cannot roll back'],
    ),
    **{
        f"{option} of a select that may write": (["run", *MAY_WRITE, option, "1"], [UNCOUNTED.format(option)])
        for option in ("--max-affected", "--expect-rows")
    },
    "no run to resume": (["resume"], ["bulkq: no run: bulkq resume RUN, or --last for the newest"]),
    "no run to retry": (["retry"], ["bulkq: no run: bulkq retry RUN, or --last for the newest"]),
    "two runs": (["resume", "a1b2", "--last"], ['"a1b2" and --last: name one of them']),
    "a new query for a run": (["resume", "a1b2", "-e", "select 1"], ["bulkq resume: no such option", "-e"]),
    "a report of a resumed run": (
        ["resume", "a1b2", "--report", "json"],
        ["--report json", "write --report json:FILE"],
    ),
    "no ledger to look into": (["resume", "a1b2", "--ledger", "none"], ["--ledger", "none"]),
    "nothing recorded": (["resume", "a1b2"], ["no ledger", "the first run creates it"]),
    "nothing recorded to retry": (["retry", "--last"], ["ledger"]),
    "no path": (["list"], ["bulkq: no path", "for example"]),
    "nothing to lint": (["lint", "queries"], ['no .sql file in "queries"']),
}


@pytest.mark.parametrize("option", ["--max-affected", "--expect-rows"])
@pytest.mark.usefixtures("folder")
def test_a_limit_that_cannot_hold_is_in_the_plan(cli: Cli, option: str) -> None:
    """The plan is printed as far as it goes, with the refusal of the run in it and its exit code."""
    done = cli("plan", "run", *MAY_WRITE, option, "1")
    assert (done.code, UNCOUNTED.format(option) in done.text) == (2, True), done.err


@pytest.mark.parametrize("case", BAD)
def test_one_line_says_what_to_do(cli: Cli, folder: Path, case: str) -> None:
    """Every mistake is one line, exit code 2, and the database is as before."""
    arguments, words = BAD[case]
    before = rows(folder)
    assert_one_line(cli(*arguments), words, 2)
    assert rows(folder) == before


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("BULKQ_TIMEOUT", "5", "bulkq run: BULKQ_TIMEOUT=5: write a unit, for example 5s"),
        ("BULKQ_CONCURRENCY", "0", "bulkq run: BULKQ_CONCURRENCY=0: must be auto or at least 1"),
        ("BULKQ_PROGRESS", "lnes", "bulkq run: BULKQ_PROGRESS=lnes: no such value (did you mean lines?)"),
        ("BULKQ_TARGET", "app.db", 'bulkq: target "app.db" is not a URL'),
    ],
)
def test_the_environment_is_named(cli: Cli, folder: Path, variable: str, value: str, words: str) -> None:
    """A wrong value in a variable is reported with the name of the variable."""
    assert_one_line(cli("run", "-e", "select 1", env={variable: value}), [words], 2)


@pytest.mark.usefixtures("folder")
def test_several_errors_come_together(cli: Cli) -> None:
    """Errors of one phase are told in one go, a line each."""
    done = cli("run", "key.sql", "unclosed.sql", "on.sql", "-t", TARGET)
    assert done.code == 2
    assert [line.partition(" ")[0] for line in done.err.splitlines()] == ["key.sql:2:", "unclosed.sql:2:", "bulkq:"]


@pytest.mark.usefixtures("folder")
def test_a_traceback_is_for_debug(cli: Cli) -> None:
    """`--debug` shows where an error came from, above the same line."""
    done = cli("run", "on.sql", "-t", TARGET, "--debug")
    assert done.code == 2
    assert "Traceback" in done.err
    assert done.last.startswith('bulkq: no such file: "on.sql"')


@pytest.mark.usefixtures("folder")
def test_errors_can_be_objects(cli: Cli) -> None:
    """`--log-format json` makes an object of an error, even of one in the command line."""
    done = cli("run", "on.sql", "--timout", "5s", "--log-format", "json")
    assert done.err.startswith('{"level": "error", "message": "bulkq run: no such option')
    assert done.code == 2


@pytest.mark.parametrize(("package", "url"), [("asyncpg", "postgresql://h/d"), ("aiosqlite", TARGET)])
def test_a_missing_driver_is_named(cli: Cli, folder: Path, package: str, url: str) -> None:
    """A URL whose driver is not installed says what to install."""
    without = folder / "without"
    without.mkdir()
    (without / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n")
    path = ":".join(filter(None, [str(without), cli.environment().get("PYTHONPATH", "")]))
    done = cli("run", "-e", "select 1", "-t", url, env={"PYTHONPATH": path})
    assert_one_line(done, [f'"{package}"', "pip install"], 2)


def test_an_interrupt_while_it_is_imported(cli: Cli, folder: Path) -> None:
    """Ctrl-C right after the start is one line and exit code 130."""
    early = folder / "early"
    early.mkdir()
    (early / "click.py").write_text("raise KeyboardInterrupt\n")
    path = ":".join(filter(None, [str(early), cli.environment().get("PYTHONPATH", "")]))
    done = cli("--help", env={"PYTHONPATH": path})
    assert (done.code, done.out, done.err) == (130, b"", "bulkq: interrupted\n")


def test_a_refused_port_is_named(cli: Cli) -> None:
    """A port that nobody listens on: exit code 3, with the port."""
    port = free_port()
    done = cli("run", "-e", "select 1", "-t", f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable")
    assert_one_line(done, ["bulkq: ", str(port), "refused"], 3)


def test_an_unknown_host_is_named(cli: Cli) -> None:
    """A host that does not exist: exit code 3, with the host."""
    done = cli("run", "-e", "select 1", "-t", "postgresql://u@nosuch.invalid/d")
    assert_one_line(done, ["bulkq: ", "nosuch.invalid"], 3)


def test_an_unknown_database_is_named(cli: Cli, postgres_url: str) -> None:
    """A database that does not exist: exit code 3, with the database."""
    done = cli("run", "-e", "select 1", "-t", servers.database_url(postgres_url, "nosuch"))
    assert_one_line(done, ["bulkq: ", '"nosuch"', "does not exist"], 3)


@pytest.mark.parametrize(("option", "advice"), [("sslmod", "did you mean sslmode?"), ("nokey", "neither one of libpq")])
def test_an_unknown_option_of_a_url_is_named(cli: Cli, postgres_url: str, option: str, advice: str) -> None:
    """What neither we nor the server know is a mistake in the URL: exit code 2."""
    mark = "&" if "?" in postgres_url else "?"
    done = cli("run", "-e", "select 1", "-t", f"{postgres_url}{mark}{option}=1")
    assert_one_line(done, [f'no option "{option}"', advice], 2)


def test_a_wrong_password_is_named(cli: Cli, password_url: str) -> None:
    """A password that the server does not take: exit code 3, says so and does not show it."""
    done = cli("run", "-e", "select 1", "-t", password_url, env={"PGPASSWORD": "s3cr3t-wrong"})
    assert_one_line(done, ["bulkq: ", "password"], 3)
    assert "s3cr3t" not in done.err


def test_a_missing_sqlite_file_is_not_made(cli: Cli, tmp_path: Path) -> None:
    """A SQLite file that does not exist: exit code 3, and it still does not exist."""
    done = cli("run", "-e", "select 1", "-t", "sqlite:///none.db")
    assert_one_line(done, ["bulkq: ", "none.db"], 3)
    assert not (tmp_path / "none.db").exists()

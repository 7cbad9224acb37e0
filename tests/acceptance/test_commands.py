"""What every command prints, where, and with which exit code; on SQLite, as a user runs it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import bulkq

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

TARGET = "sqlite:///app.db"
SETUP = "create table t(id integer primary key, v text); insert into t values (1, 'one'), (2, 'two'), (3, 'three');"
QUERIES = """\
-- name: one(id: bigint)
-- The value of an id.
select id, v from t where id = :id;

-- name: touch(id: bigint)
-- @mode write
update t set v = upper(v) where id = :id;

-- name: everything
select id, v from t order by id;
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database, queries and parameter sets."""
    (tmp_path / "q.sql").write_text(QUERIES)
    (tmp_path / "ids.csv").write_text("id\n1\n2\n3\n")
    database = sqlite3.connect(tmp_path / "app.db")
    database.executescript(SETUP)
    database.close()
    return tmp_path


def values(folder: Path) -> list[str]:
    """The values in the table."""
    database = sqlite3.connect(folder / "app.db")
    try:
        return [row[0] for row in database.execute("select v from t order by id")]
    finally:
        database.close()


def tables(folder: Path) -> list[str]:
    """The tables there are."""
    database = sqlite3.connect(folder / "app.db")
    try:
        return [row[0] for row in database.execute("select name from sqlite_master where type = 'table' order by name")]
    finally:
        database.close()


# --- help and version -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_imports_nothing_heavy(argument: str, cli: Cli) -> None:
    """`--help` and `--version` cost Click and nothing else."""
    heavy = ("asyncio", "importlib.metadata", "sqlalchemy", "asyncpg", "aiosqlite", "rich", "sqlglot", "dataclasses")
    script = (
        "import sys\n"
        "from bulkq.__main__ import main\n"
        f"code = main([{argument!r}])\n"
        f"print([name for name in {heavy!r} if name in sys.modules], code, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=cli.environment()
    )
    assert done.stderr.strip() == "[] 0"


def test_help_lists_what_works(cli: Cli) -> None:
    """The commands stand in the order in which they are met."""
    done = cli("--help")
    listed = re.findall(r"^  ([a-z]+)  ", done.text.partition("Commands:")[2], re.MULTILINE)
    assert listed == [
        "demo",
        "run",
        "check",
        "resume",
        "retry",
        "list",
        "lint",
        "plan",
        "runs",
        "report",
        "doctor",
        "targets",
        "ledger",
        "config",
        "completion",
    ]
    assert done.code == 0


@pytest.mark.parametrize(
    "command",
    [["run"], ["resume"], ["retry"], ["list"], ["lint"], ["plan"], ["plan", "run"], ["plan", "check"], ["doctor"]],
)
def test_every_command_explains_itself(cli: Cli, command: list[str]) -> None:
    """`--help` of a command goes to stdout and starts with its usage."""
    done = cli(*command, "--help")
    assert done.text.startswith(f"Usage: bulkq {' '.join(command)} ")
    assert (done.code, done.err) == (0, "")


def test_version_is_a_constant(cli: Cli) -> None:
    """`--version` prints the version of the package."""
    assert cli("--version").text == f"bulkq {bulkq.__version__}\n"


def test_no_command_is_a_usage_error(cli: Cli) -> None:
    """`bulkq` alone shows what there is, on stderr, with exit code 2."""
    done = cli()
    assert done.code == 2
    assert "Commands:" in done.err
    assert done.out == b""


# --- run ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_rows_are_on_stdout_and_the_summary_is_last(cli: Cli) -> None:
    """JSON Lines in input order on stdout, the summary as the last line of stderr."""
    done = cli("run", "q.sql:one", "-t", TARGET, "-p", "ids.csv")
    assert [json.loads(line) for line in done.text.splitlines()] == [
        {"id": 1, "v": "one"},
        {"id": 2, "v": "two"},
        {"id": 3, "v": "three"},
    ]
    assert done.last.startswith("bulkq: run=")
    assert (done.counts["status"], done.counts["ok"], done.counts["exit"], done.code) == ("ok", "3", "0", 0)


def test_every_option_is_also_a_variable(cli: Cli, folder: Path) -> None:
    """BULKQ_TARGET, BULKQ_PARAMS and the like mean what their options mean; an empty one means nothing."""
    env = {"BULKQ_TARGET": TARGET, "BULKQ_PARAMS": "ids.csv", "BULKQ_OUTPUT": "o.csv", "BULKQ_INCLUDE": "n"}
    done = cli("run", "q.sql:one", env=env | {"BULKQ_TIMEOUT": "", "BULKQ_FORMAT": "", "BULKQ_WRITE": ""})
    assert done.code == 0, done.err
    assert (folder / "o.csv").read_text() == "_n,id,v\n1,1,one\n2,2,two\n3,3,three\n"


def test_a_variable_with_blanks_is_one_value(cli: Cli, folder: Path) -> None:
    """A repeatable option takes its variable as one value per line, so that paths and SQL keep their blanks."""
    (folder / "my ids.csv").write_text("id\n2\n")
    done = cli("run", "q.sql:one", "-t", TARGET, env={"BULKQ_PARAMS": "my ids.csv"})
    assert done.text == '{"id":2,"v":"two"}\n'
    assert done.code == 0


@pytest.mark.usefixtures("folder")
def test_several_queries_run_one_after_the_other(cli: Cli) -> None:
    """Files, names and `-e` of one command line are one run."""
    done = cli(
        "run", "q.sql:everything", "-e", "select 1 as a", "-e", "select 2 as a", "-t", TARGET, "-o", "{query}.csv"
    )
    assert done.code == 0, done.err
    assert done.counts["ok"] == "3"
    assert {path.name for path in cli.folder.glob("*.csv")} == {"ids.csv", "everything.csv", "sql_2.csv", "sql_3.csv"}


def test_a_write_says_what_it_promises(cli: Cli, folder: Path) -> None:
    """With `--write` the rows change, and the first line says that they change once."""
    done = cli("run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write")
    assert done.code == 0, done.err
    assert "each batch is applied exactly once" in done.err.splitlines()[0]
    assert (done.out, done.counts["changed"]) == (b"", "3")
    assert values(folder) == ["ONE", "TWO", "THREE"]


@pytest.mark.parametrize(
    ("sql", "options", "words"),
    [
        ("select v from t", [], "every answer recorded once; nothing is changed"),
        ("update t set v = 1 where id = 1", ["--write", "--idempotent"], "nothing is lost; repeats are possible"),
        ("-- name: x\n-- @idempotent true\nupdate t set v = 1 where id = 1", ["--write"], "repeats are possible"),
        ("-- name: x\n-- @transaction off\nvacuum", ["--write"], "at most once; what is unknown is listed"),
        ("-- name: x\n-- @mode maintenance\nanalyze", ["--write"], "at most once; what is unknown is listed"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_every_mode_says_its_sentence(cli: Cli, sql: str, options: list[str], words: str) -> None:
    """Before the first statement, in the first line of the run and in the plan."""
    (cli.folder / "mode.sql").write_text(sql)
    arguments = ["run", "mode.sql", "-t", TARGET, *options]
    assert words in cli("plan", *arguments).text
    done = cli(*arguments)
    assert done.code == 0, done.err
    assert words in done.err.splitlines()[0] or not options


@pytest.mark.usefixtures("folder")
def test_variables_of_writes_leave_reads_alone(cli: Cli) -> None:
    """What is set for all runs of a machine is no mistake where a run only reads."""
    settings = {
        "BULKQ_IDEMPOTENT": "1",
        "BULKQ_MARKER_TABLE": "ops",
        "BULKQ_EXPECT_ROWS": "1",
        "BULKQ_ON_UNKNOWN": "retry",
    }
    done = cli("run", "q.sql:everything", "-t", TARGET, env=settings)
    assert done.code == 0, done.err


def test_a_file_may_forbid_repeats(cli: Cli, folder: Path) -> None:
    """`--idempotent` is refused for a query that says of itself that it is not; nothing changed."""
    (folder / "add.sql").write_text("-- name: add\n-- @idempotent false\nupdate t set v = v || '!' where id = 1;\n")
    done = cli("run", "add.sql", "-t", TARGET, "--write", "--idempotent")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert done.err.startswith('add.sql:3: "add" is declared @idempotent false')
    assert values(folder) == ["one", "two", "three"]


def test_a_write_says_what_it_does_not_promise(cli: Cli, folder: Path) -> None:
    """With `--write --ledger none` the rows change, and the first line names what is given up."""
    done = cli("run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write", "--ledger", "none")
    assert done.code == 0, done.err
    assert "--ledger none" in done.err.splitlines()[0]
    assert "without repeating" in done.err.splitlines()[0]
    assert (done.out, done.counts["changed"]) == (b"", "3")
    assert values(folder) == ["ONE", "TWO", "THREE"]


@pytest.mark.parametrize(
    ("sql", "options", "words"),
    [
        ("update t set v = 1 where id = 1", [], "bulkq: UPDATE changes data: add --write"),
        ("delete from t", [], "bulkq: DELETE without WHERE changes every row: add --allow unbounded --write"),
        ("delete from t", ["--write"], "DELETE without WHERE changes every row: add --allow unbounded"),
        ("drop table t", ["--write"], "bulkq: DROP changes the schema: add --allow ddl"),
        ("alter table t add x int", ["--allow", "ddl"], "bulkq: ALTER changes the schema: add --write"),
    ],
)
def test_what_changes_data_is_refused(cli: Cli, folder: Path, sql: str, options: list[str], words: str) -> None:
    """One line names the options that would allow it; exit code 4; nothing changed."""
    done = cli("run", "-e", sql, "-t", TARGET, *options)
    assert (done.code, done.out) == (4, b"")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert values(folder) == ["one", "two", "three"]


def test_what_is_allowed_runs(cli: Cli, folder: Path) -> None:
    """The options that the refusal names are the ones that allow it."""
    done = cli("run", "-e", "delete from t", "-t", TARGET, "--write", "--allow", "unbounded")
    assert (done.code, done.counts["changed"]) == (0, "3")
    assert values(folder) == []


@pytest.mark.usefixtures("folder")
def test_failures_are_shown_above_the_summary(cli: Cli) -> None:
    """A statement that the server refuses is one line with its place; exit code 1."""
    (cli.folder / "bad.sql").write_text("-- name: bad\nselect id,\n       nme from t;\n")
    done = cli("run", "bad.sql", "-t", TARGET)
    assert (done.code, done.counts["failed"]) == (1, "1")
    assert "nme" in done.err.splitlines()[-2]
    assert "bad.sql:3" in done.err.splitlines()[-2]


NO_RECORD = ("--ledger", "none", "--report", "json", "-o", "o.csv")


def test_reports_are_written(cli: Cli, folder: Path) -> None:
    """`--report json:FILE` holds the same counts as the last line."""
    done = cli("run", "q.sql:one", "-t", TARGET, "-p", "ids.csv", "--report", "json:r.json", "-o", "o.csv")
    report = json.loads((folder / "r.json").read_text())
    assert (report["counts"]["ok"], report["exit"], report["run"]) == (3, 0, done.counts["run"])
    again = json.loads(cli("report", report["run"], "--format", "json").text)
    assert report["started_at"] == again["started_at"] is not None
    assert json.loads(cli("run", "q.sql:one", "-t", TARGET, "-p", "ids.csv", *NO_RECORD).text)["started_at"] > "2026"


@pytest.mark.usefixtures("folder")
def test_a_report_may_be_all_of_stdout(cli: Cli) -> None:
    """With the rows in a file, `--report json` is the only thing on stdout."""
    done = cli("run", "q.sql:one", "-t", TARGET, "-p", "ids.csv", "--report", "json", "-o", "o.csv")
    assert json.loads(done.text)["counts"]["ok"] == 3


FIRST_LINES = {"jsonl": '{"id":1,"v":"one"}', "csv": "id,v", "tsv": "id\tv", "json": "["}


@pytest.mark.parametrize("form", FIRST_LINES)
@pytest.mark.parametrize("last", [3, 200_000])
def test_a_closed_stdout_is_quiet(cli: Cli, folder: Path, form: str, last: int) -> None:
    """`bulkq run ... | head -1`: exit code 0, nothing on stderr but the first line and the summary."""
    command = f"{sys.executable} -m bulkq run q.sql:one -t {TARGET} -p range:id=1..{last} --format {form}"
    pipeline = f"set -o pipefail; {command} 2>err | head -1"
    done = subprocess.run(
        ["bash", "-c", pipeline], cwd=folder, env=cli.environment(), capture_output=True, text=True, check=False
    )
    errors = (folder / "err").read_text().splitlines()
    assert (done.returncode, done.stdout) == (0, f"{FIRST_LINES[form]}\n"), errors
    assert [line.partition("=")[0] for line in errors] == ["run", "bulkq: run"]
    assert "exit=0" in errors[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "q.sql"),
        ("plan", "run", "q.sql:one", "-t", TARGET, "-p", "ids.csv"),
        ("targets", "--help"),
        ("demo",),
        ("--help",),
        ("run", "--help"),
        ("run", "q.sql:one", "-t", TARGET, "-p", "ids.csv", "--format", "json", "--progress", "none"),
    ],
)
def test_nobody_reads_what_a_command_says(cli: Cli, folder: Path, arguments: tuple[str, ...]) -> None:
    """A stdout that was closed before the first byte is no error of any command: exit code 0, and no complaint."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bulkq", *arguments],
            cwd=folder,
            env=cli.environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith(("run=", "bulkq: run="))] == []


@pytest.mark.usefixtures("folder")
def test_parameters_come_from_stdin(cli: Cli) -> None:
    """`-p -` reads sets from a pipe in the format that is named."""
    done = cli("run", "q.sql:one", "-t", TARGET, "-p", "-", "--params-format", "csv", stdin=b"id\n3\n")
    assert done.text == '{"id":3,"v":"three"}\n'


@pytest.mark.usefixtures("folder")
def test_notices_can_be_objects(cli: Cli) -> None:
    """With `--log-format json` every line before the summary is an object."""
    done = cli("run", "q.sql:everything", "-t", TARGET, "--log-format", "json")
    *notices, last = done.err.splitlines()
    assert [json.loads(line)["level"] for line in notices] == ["info"]
    assert last.startswith("bulkq: run=")


# --- list, lint, plan, doctor ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_list_shows_queries(cli: Cli) -> None:
    """Names with parameters and types, the mode, the description."""
    done = cli("list", ".")
    assert done.text.splitlines() == [
        "q.sql:3  one(id: bigint)  read",
        "    The value of an id.",
        "q.sql:7  touch(id: bigint)  write",
        "q.sql:10  everything()  read",
    ]
    assert (done.code, done.err) == (0, "")


@pytest.mark.usefixtures("folder")
def test_list_is_readable_for_programs(cli: Cli) -> None:
    """`--format json` has the same in objects."""
    found = json.loads(cli("list", "q.sql", "--format", "json").out)
    assert [query["name"] for query in found] == ["one", "touch", "everything"]
    assert found[0]["parameters"] == [
        {"name": "id", "kind": "value", "type": "bigint", "default": None, "required": True, "secret": False}
    ]


def test_list_goes_on_after_a_bad_file(cli: Cli, folder: Path) -> None:
    """What can be read is listed, what cannot is an error line, exit code 2."""
    (folder / "a.sql").write_text("-- name: x\n-- @timout 5s\nselect 1;\n")
    done = cli("list", ".")
    assert done.code == 2
    assert "one(id: bigint)" in done.text
    assert done.err == "a.sql:2: unknown key @timout (did you mean @timeout?)\n"


@pytest.mark.usefixtures("folder")
def test_lint_is_content(cli: Cli) -> None:
    """Nothing found: exit code 0 and nothing on stdout."""
    done = cli("lint", ".")
    assert (done.code, done.out, done.err) == (0, b"", "bulkq: 3 queries, nothing found\n")


def test_lint_finds(cli: Cli, folder: Path) -> None:
    """A finding is `file:line: message` on stdout, exit code 1."""
    (folder / "bad.sql").write_text("-- name: clear\n-- @mode write\ndelete from t;\n")
    done = cli("lint", "bad.sql")
    assert done.code == 1
    assert done.text.startswith("bad.sql:3: DELETE without WHERE")


def test_lint_asks_the_server(cli: Cli, folder: Path) -> None:
    """`--prepare` finds what only the server knows, with a caret, and executes nothing."""
    (folder / "bad.sql").write_text(
        "-- name: bad\nselect id,\n       nme from t;\n-- name: w\nupdate t set v = 'x' where id = 1;\n"
    )
    done = cli("lint", "bad.sql", "--prepare", "-t", TARGET)
    assert done.code == 1
    first, line, caret = done.text.splitlines()
    assert first.startswith("bad.sql:3: ")
    assert "nme" in first
    assert line.index("nme") == caret.index("^")
    assert values(folder) == ["one", "two", "three"]


def test_lint_says_what_it_cannot_ask(cli: Cli, folder: Path) -> None:
    """A query with an identifier is skipped, and that is said."""
    (folder / "ident.sql").write_text("-- name: count\n-- @param tab ident\nselect count(*) from :{tab};\n")
    done = cli("lint", "ident.sql", "--prepare", "-t", TARGET)
    assert (done.code, done.out) == (0, b"")
    assert "ident.sql:count: skipped" in done.err


def test_plan_executes_nothing(cli: Cli, folder: Path) -> None:
    """The plan of a write shows what would happen, and the command; nothing happens."""
    arguments = ["q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write"]
    done = cli("plan", "run", *arguments)
    assert done.code == 0, done.err
    assert values(folder) == ["one", "two", "three"]
    lines = done.text.splitlines()
    assert lines[-1] == f"no query was executed. To run it: bulkq run {' '.join(arguments)}"
    for word in (f"target        {TARGET}", "id: bigint", "id=1", "an empty field is NULL"):
        assert word in done.text
    assert "mode          write: each batch is applied exactly once" in done.text
    assert "markers       bulkq_runs and bulkq_markers, created on first use" in done.text
    assert f"ledger        {folder / 'state' / 'bulkq' / 'ledger.db'}" in done.text
    assert tables(folder) == ["t"]
    assert not (folder / "state").exists()


def test_plan_knows_the_options_of_writes(cli: Cli, folder: Path) -> None:
    """The names of other marker tables, what is kept of them, and the limits on rows."""
    options = ["--marker-table", "ops", "--keep-markers", "--max-affected", "9", "--expect-rows", "1"]
    done = cli("plan", "run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write", *options, "--ledger", "l.db")
    assert done.code == 0, done.err
    assert "markers       ops_runs and ops_markers, created on first use, kept when the run ends" in done.text
    assert "ledger        l.db" in done.text
    assert "expects 1 rows of each set, at most 9 rows in all" in done.text
    unrecorded = cli("plan", "run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write", "--ledger", "none")
    assert "without repeating" in unrecorded.text
    assert "markers  " not in unrecorded.text
    assert tables(folder) == ["t"]


@pytest.mark.usefixtures("folder")
def test_plan_says_what_would_be_refused(cli: Cli) -> None:
    """A run that would be refused has the same exit code as a plan."""
    done = cli("plan", "run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv")
    assert done.code == 4
    assert "q.sql:7: UPDATE changes data: add --write" in done.text


def test_plan_reads_the_parameters(cli: Cli, folder: Path) -> None:
    """A mistake in the parameters is part of the plan, with exit code 2."""
    (folder / "bad.csv").write_text("key\n1\n")
    done = cli("plan", "run", "q.sql:one", "-t", TARGET, "-p", "bad.csv")
    assert done.code == 2
    assert "bad.csv" in done.text


@pytest.mark.usefixtures("folder")
def test_plan_does_not_execute_a_parameter_query(cli: Cli) -> None:
    """`-p sql:...` is a query of the user's: a plan names it and leaves it alone."""
    done = cli("plan", "run", "q.sql:one", "-t", TARGET, "-p", "sql:select id from nosuch")
    assert done.code == 0, done.err
    assert "not executed" in done.text


@pytest.mark.usefixtures("folder")
def test_doctor_looks_at_a_target(cli: Cli) -> None:
    """Driver, versions and capabilities, for people and for programs."""
    done = cli("doctor", "-t", TARGET)
    assert done.code == 0
    assert f"server       sqlite {sqlite3.sqlite_version}" in done.text
    found = json.loads(cli("doctor", "-t", TARGET, "--format", "json").out)
    assert (found["server"]["product"], found["driver"]["name"]) == ("sqlite", "aiosqlite")


def test_doctor_cannot_tell(cli: Cli) -> None:
    """A target that is not there: exit code 3."""
    done = cli("doctor", "-t", "sqlite:///none.db")
    assert (done.code, done.out) == (3, b"")
    assert "none.db" in done.err

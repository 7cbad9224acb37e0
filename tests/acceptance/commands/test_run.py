"""What `bulkq run` prints, where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.shop import TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


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

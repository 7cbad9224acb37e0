"""`bulkq diag` on SQLite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from bulkq import cli
from bulkq.cli.commands import diag

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sqlite_files import SqliteFile

SCHEMA = """
create table parent (id integer primary key autoincrement, a integer, b integer);
create index parent_a on parent (a); create index parent_ab on parent (a, b);
create table child (parent integer references parent (id));
insert into parent (a) values (1); insert into child values (9);
"""


def bulkq(*arguments: str) -> Result:
    """Run the program in this process."""
    return CliRunner().invoke(cli.program, ["diag", *arguments], prog_name="bulkq", standalone_mode=False)


@pytest.fixture
def url(sqlite_file: SqliteFile) -> str:
    """A database with some faults."""
    return f"sqlite:///{sqlite_file(SCHEMA)}"


def test_rows(url: str) -> None:
    """JSON Lines with the name of the question; a table with headings on request."""
    done = bulkq("run", "redundant_indexes", "autoincrement", "-t", url, "--param", "percent=0", "--progress", "none")
    assert [json.loads(line)["_query"] for line in done.stdout.splitlines()] == ["redundant_indexes", "autoincrement"]
    shown = bulkq("run", "redundant_indexes", "integrity", "-t", url, "--format", "table", "--progress", "none")
    assert shown.stdout.splitlines()[0].startswith("redundant_indexes: Indexes whose columns")
    assert shown.stdout.splitlines()[-1].endswith("No rows.")
    assert (done.return_value, shown.return_value) == (0, 0)


def test_several_targets_and_a_file_for_each_question(url: str, sqlite_file: SqliteFile, tmp_path: Path) -> None:
    """A column names the target; a question that was skipped has no file."""
    other = f"sqlite:///{sqlite_file('create table t (id)', 'other.db')}"
    out = tmp_path / "{query}.jsonl"
    done = bulkq("all", "-t", url, "-t", other, "-o", str(out), "--progress", "none")
    assert done.return_value == 0
    rows = [json.loads(line) for line in (tmp_path / "no_primary_key.jsonl").read_text().splitlines()]
    assert sorted(row["table"] for row in rows) == ["child", "t"]
    assert {row["_target"] for row in rows} == {url, other}
    assert not (tmp_path / "without_statistics.jsonl").exists()


def test_verdicts(url: str, tmp_path: Path) -> None:
    """`--as check` judges by the header; every report has it."""
    report = tmp_path / "r.json"
    done = bulkq(
        "all", "-t", url, "--as", "check", "--ledger", "none", "--report", f"json:{report}", "--progress", "none"
    )
    assert done.return_value == 1
    verdicts = {one["name"]: one["verdict"] for one in json.loads(report.read_text())["checks"]}
    assert verdicts["foreign_key_violations"] == "fail"
    assert (verdicts["redundant_indexes"], verdicts["integrity"]) == ("warn", "pass")
    assert verdicts["without_statistics"] == "skip"


def test_all_skipped(url: str) -> None:
    """Nothing was answered: exit code 3, with the reason."""
    done = bulkq("run", "without_statistics", "-t", url, "--progress", "none")
    assert done.return_value == 3
    assert "skipped: requires the table sqlite_stat1" in done.stderr


def test_list_and_eject(url: str, tmp_path: Path) -> None:
    """The list says what would be skipped; the copy runs, and is not replaced."""
    listed = bulkq("list", "-t", url)
    assert f"skipped on {url}: requires the table sqlite_stat1" in listed.stdout
    assert "(postgresql)" not in listed.stdout
    records = json.loads(bulkq("list", "--format", "json").stdout)
    assert {one["database"] for one in records} == {"mariadb", "postgresql", "sqlite"}
    assert bulkq("list", "-t", f"{url}.none").return_value == 3
    made = bulkq("eject", "integrity", "--to", str(tmp_path / "sql"))
    assert made.stdout.strip() == str(tmp_path / "sql" / "integrity.sql")
    assert bulkq("run", made.stdout.strip(), "-t", url, "--progress", "none").return_value == 0
    assert getattr(bulkq("eject", "integrity", "--to", str(tmp_path / "sql")).exception, "exit_code", None) == 4


def test_names_are_completed() -> None:
    """Questions by their names."""
    (argument,) = [one for one in diag.run.params if one.name == "names"]
    context = click.Context(diag.run)
    assert [item.value for item in argument.type.shell_complete(context, argument, "blo")] == ["blocking"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "-t", "URL"], "no question: name one"),
        (["run", "integirty", "-t", "URL"], 'did you mean "integrity"?'),
        (["run", "integrity"], "no target"),
        (
            ["run", "integrity", "-t", "URL", "--as", "check", "-o", "x.csv"],
            "--output has no effect here: leave out --as check",
        ),
        (["run", "integrity", "-t", "URL", "--ledger", "none"], "--ledger has no effect here: add --as check"),
        (["run", "integrity", "-t", "URL", "--report", "json"], "--report json goes to stdout, where the rows go"),
        (["run", "integrity", "-t", "URL", "--param", "percnt=1"], "has no parameter :percnt"),
        (["all", "-t", "URL", "--tag", "nix"], '--tag "nix": no question has it'),
    ],
)
def test_bad_input(url: str, arguments: list[str], said: str) -> None:
    """One line, and exit code 2."""
    done = bulkq(*(url if one == "URL" else one for one in arguments))
    assert said in str(done.exception)
    assert getattr(done.exception, "exit_code", None) == 2

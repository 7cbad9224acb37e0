"""`bulkq completion`: real shells complete real words, and a completion is silent and changes nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.cli.completion.shells import VARIABLE
from tests.support.terminal import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.command import Cli

SCRIPTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(bulkq completion bash)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -U compinit; compinit -D; bindkey -e; eval "$(bulkq completion zsh)"',
    ),
    "fish": (["fish", "--no-config", "-i"], "bulkq completion fish | source"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with queries and a configuration."""
    (tmp_path / "users.sql").write_text("-- name: by_id(id: bigint)\nselect :id;\n-- name: all_users\nselect 1;\n")
    (tmp_path / "lonely.sql").write_text("select 1")
    (tmp_path / "bulkq.toml").write_text(
        '[targets.dev]\nurl = "sqlite:///app.db"\ntags = ["local"]\n[groups]\neverything = ["dev"]\n'
    )
    return tmp_path


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """Variables of a user whose ledger and home are in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BULKQ_", "COV", "COMP_"))}
    script = Path(sys.executable).parent
    own = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "none")}
    return {**kept, **own, "PATH": f"{script}:{kept['PATH']}", "TERM": "dumb", "PS1": "$ ", "COLUMNS": "200"}


@pytest.fixture(params=SCRIPTS)
def shell(request: pytest.FixtureRequest, folder: Path, environment: dict[str, str]) -> Iterator[Shell]:
    """An interactive shell that has read the script."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    arguments, setup = SCRIPTS[request.param]
    with Shell(arguments, folder, environment) as started:
        started.run(setup)
        yield started


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ("bulkq comple", "bulkq completion"),
        ("bulkq run --lock-ti", "bulkq run --lock-timeout"),
        ("bulkq run users.sql:al", "bulkq run users.sql:all_users"),
        ("bulkq run -t ev", "bulkq run -t everything"),
        ("bulkq run --target=de", "bulkq run --target=dev"),
        ("bulkq run -t sqlite:///us", "bulkq run -t sqlite:///users.sql"),
        ("bulkq run -o us", "bulkq run -o users.sql"),
        ("bulkq run users.sql --include n,par", "bulkq run users.sql --include n,params"),
    ],
)
def test_a_shell_completes_a_word(shell: Shell, typed: str, made: str) -> None:
    """A Tab in bash, zsh and fish makes the whole word of its beginning."""
    assert shell.completed(typed, made.removeprefix(typed)) == made


def asked(line: str, folder: Path, environment: Mapping[str, str], *, shell: str = "bash") -> list[str]:
    """The values that bulkq offers for the last word of a line; nothing may stand on stderr."""
    word = line.rpartition(" ")[2]
    question = {
        VARIABLE: f"{shell}_complete",
        "COMP_LINE": line,
        "COMP_NAME": "bulkq",
        "COMP_WORD": word,
        "COMP_BREAKS": " \t\n",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1) if shell == "zsh" else word,
    }
    done = subprocess.run(
        [sys.executable, "-m", "bulkq"],
        cwd=folder,
        env={**environment, **question},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [line.split("\t")[1] for line in done.stdout.splitlines() if line]


def test_values_depend_on_the_place(folder: Path, environment: dict[str, str]) -> None:
    """Names of queries, parameters, targets, reports and choices, each where it can stand."""
    assert asked("bulkq check users.sql:", folder, environment) == ["users.sql:by_id", "users.sql:all_users"]
    assert asked("bulkq run lonely.sql:", folder, environment) == ["lonely.sql:lonely"]
    assert asked("bulkq run users.sql --param ", folder, environment) == ["id="]
    assert asked("bulkq run -p @users.sql:b", folder, environment) == ["@users.sql:by_id"]
    assert asked("bulkq run -t ", folder, environment) == [
        "dev",
        "everything",
        "tag:local",
        "postgresql://",
        "sqlite:///",
    ]
    assert asked("bulkq run --config none -t ", folder, environment) == ["postgresql://", "sqlite:///"]
    assert asked("bulkq run --report ju", folder, environment) == ["junit"]
    assert asked("bulkq ctl pa", folder, environment) == ["pause"]
    assert asked("bulkq ctl 01kb4x set max", folder, environment) == ["max-rows="]
    assert asked("bulkq ctl get n", folder, environment) == ["nice"]
    assert asked("bulkq ctl drain ", folder, environment) == []
    assert asked("bulkq run --report junit:us", folder, environment) == ["junit:users.sql"]
    assert asked("bulkq run --progress j", folder, environment, shell="zsh") == ["json"]
    assert asked("bulkq run --progress=j", folder, environment, shell="fish") == ["--progress=json"]


@pytest.mark.long
def test_runs_are_offered_newest_first(folder: Path, environment: dict[str, str], cli: Cli) -> None:
    """The ids of runs, with what they were; the ledger and its folder stay as they are."""
    assert asked("bulkq resume ", folder, environment) == []
    assert not (folder / "state").exists()
    ledger = folder / "runs.db"
    sqlite3.connect(folder / "app.db").close()
    for name in ("first", "second"):
        assert (
            cli(
                "run", "-e", "select 1", "-t", f"sqlite:///{folder}/app.db", "--name", name, "--ledger", str(ledger)
            ).code
            == 0
        )
    before = sorted(path.name for path in folder.iterdir())
    newest = asked(f"bulkq resume --ledger {ledger} ", folder, environment)
    assert len(newest) == 2
    assert asked("bulkq runs ", folder, {**environment, "BULKQ_LEDGER": str(ledger)}) == newest
    (folder / "bulkq.toml").write_text(f'[defaults]\nledger = "{ledger}"\n')
    assert asked("bulkq report ", folder, environment) == newest
    assert asked(f"bulkq report {newest[0][:-1]}", folder, environment) == newest[:1]
    assert sorted(path.name for path in folder.iterdir()) == before


def test_tables_of_the_target_are_offered(folder: Path, environment: dict[str, str]) -> None:
    """`--over` has the tables of the target that stands before it."""
    with sqlite3.connect(folder / "app.db") as connection:
        connection.execute("create table users (id integer primary key)")
        connection.execute("create table orders (id integer primary key)")
    connection.close()
    assert asked("bulkq backfill -t dev --over ", folder, environment) == ["orders", "users"]
    assert asked("bulkq backfill -t sqlite:///app.db --over us", folder, environment) == ["users"]


@pytest.mark.parametrize(
    "line",
    [
        "bulkq backfill --over ",
        "bulkq backfill -t sqlite:///nowhere.db --over ",
        "bulkq backfill -t postgresql://127.0.0.1:9/x --over ",
        "bulkq nosuch ",
        "bulkq run --nosuch ",
        "bulkq run nosuch.sql:",
        "bulkq runs --ledger nowhere.db ",
        "bulkq runs --ledger mysql://x ",
        "bulkq runs --ledger bulkq.toml ",
        "bulkq runs --ledger postgresql://127.0.0.1:9/x ",
        'bulkq run "',
        "bulkq run --param x --param ",
    ],
)
def test_a_completion_is_silent(line: str, folder: Path, environment: dict[str, str]) -> None:
    """What cannot be completed gives no value, no message and no file."""
    (folder / "bulkq.toml").write_text("[")
    before = sorted(folder.iterdir())
    assert [value for value in asked(line, folder, environment) if value] == []
    assert sorted(folder.iterdir()) == before


def test_an_unknown_shell_is_a_usage_error(cli: Cli) -> None:
    """The error names the shells."""
    done = cli("completion", "powershell")
    assert (done.code, done.err) == (2, "bulkq completion: powershell: no such value (one of bash, zsh, fish)\n")

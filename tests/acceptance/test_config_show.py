"""`bulkq config show`: the value of each option, and the place where it was set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command import Cli


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration."""
    (tmp_path / "bulkq.toml").write_text('[defaults]\ntimeout = "7s"\nwrite = true\ntag = ["nightly", "eu"]\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(cli: Cli, *arguments: str, env: dict[str, str] | None = None) -> dict[str, tuple[object, str, str | None]]:
    """Value, origin and place of each option."""
    done = cli("config", "show", *arguments, "--format", "json", env=env)
    assert (done.code, done.err) == (0, "")
    return {one["option"]: (one["value"], one["origin"], one["place"]) for one in json.loads(done.out)["options"]}


def test_origins_in_their_order(cli: Cli) -> None:
    """A variable outranks the file, and the file the default."""
    found = shown(cli, "run", env={"BULKQ_TIMEOUT": "9s", "BULKQ_PARAMS": "a.csv\nb.csv", "BULKQ_GRID": "1"})
    assert found["--timeout"] == ("9s", "environment", "BULKQ_TIMEOUT")
    assert found["--params"] == (["a.csv", "b.csv"], "environment", "BULKQ_PARAMS")
    assert found["--grid"] == (True, "environment", "BULKQ_GRID")
    assert found["--write"] == (True, "file", "bulkq.toml:3")
    assert found["--tag"] == (["nightly", "eu"], "file", "bulkq.toml:4")
    assert found["--retries"] == ("5", "default", None)
    assert found["--deadline"] == (None, "default", None)
    assert found["--fail-fast"] == (False, "default", None)


def test_a_resumed_run_keeps_its_own_values(cli: Cli) -> None:
    """`resume` ignores the variable, and so does what is shown of it."""
    found = shown(cli, "resume", env={"BULKQ_TIMEOUT": "9s", "BULKQ_PROGRESS": "none"})
    assert found["--timeout"] == (None, "run", None)
    assert found["--progress"] == ("none", "environment", "BULKQ_PROGRESS")


def test_options_of_all_commands(cli: Cli) -> None:
    """Where commands differ, each value names its commands."""
    done = cli("config", "show", env={"BULKQ_NAME": ""})
    assert done.code == 0
    lines = [" ".join(line.split()) for line in done.text.splitlines()]
    assert lines[:3] == ["files: bulkq.toml", "", "option value from commands"]
    assert any(line.startswith("--retries 5 default run, backfill") for line in lines)
    assert "--retries 2 default check, diag all, diag run, plan check" in lines
    assert "--write true bulkq.toml:3" in lines
    assert "--timeout not set the recorded run resume, retry" in lines


def test_passwords_are_hidden(cli: Cli, folder: Path) -> None:
    """A URL, in a variable or in the file, has lost its password."""
    secret = "hunter2"
    (folder / "bulkq.toml").write_text(f'[defaults]\nledger = "postgresql://u:{secret}@h/d"\n')
    done = cli(
        "config",
        "show",
        "run",
        env={"BULKQ_TARGET": f"postgresql://u:{secret}@h/d\nmysql+pymysql://h/d?password={secret}"},
    )
    assert done.code == 0
    assert secret not in done.text + done.err
    assert "postgresql://u:***@h/d" in done.text


@pytest.mark.parametrize(
    ("text", "arguments", "error"),
    [
        ("[defaults\n", (), "bulkq.toml:1: "),
        ('[defaults]\n\ntimeout = "5"\n', (), "bulkq.toml:3: defaults.timeout "),
        ("[defaults]\ntimeuot = 1\n", (), 'bulkq.toml:2: unknown key "defaults.timeuot" (did you mean "timeout"?)'),
        ("", ("rum",), 'bulkq: no such command "rum" (did you mean run?)'),
        ("", ("--config", "no.toml"), 'bulkq: no such file: "no.toml"'),
    ],
)
def test_what_is_wrong_is_named(cli: Cli, folder: Path, text: str, arguments: tuple[str, ...], error: str) -> None:
    """A file that is not valid, an unknown key, an unknown command: one line and exit code 2."""
    (folder / "bulkq.toml").write_text(text)
    done = cli("config", "show", *arguments)
    assert done.code == 2
    assert done.err.startswith(error)
    assert done.out == b""


def test_a_variable_that_is_wrong(cli: Cli) -> None:
    """A value that its option refuses is an error; a variable that no option has is a warning with the nearest name."""
    done = cli("config", "show", "run", env={"BULKQ_TIMEOUT": "5"})
    assert (done.code, done.err) == (2, "bulkq run: BULKQ_TIMEOUT=5: write a unit, for example 5s\n")
    done = cli("config", "show", "run", env={"BULKQ_TIMOUT": "5"})
    assert done.code == 0
    assert (
        done.err
        == "bulkq: warning: BULKQ_TIMOUT is set, but no option has this variable (did you mean BULKQ_TIMEOUT?)\n"
    )

"""What the README shows is what happens: its commands are typed in the demo's folder, its Python is executed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.cli.options.defaults import default_map
from bulkq.targets import load_config

if TYPE_CHECKING:
    from tests.servers.command import Cli

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CHANGES = (
    (re.compile(r"\b(run=|bulkq retry |bulkq resume |retry-|/)[0-9a-z]{10}\b"), r"\1ID"),
    (re.compile(r"^[0-9a-z]{10}(?=  )", re.MULTILINE), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +\d+s"), "MOMENT"),
    (re.compile(r"/\S+/bulkq/"), "STATE/"),
    (re.compile(r"/\S+/bulkq-demo/"), "DEMO/"),
    (re.compile(r"elapsed=[0-9.]+s"), "elapsed=TIME"),
    (re.compile(r"sqlite \d+\.\d+\.\d+"), "sqlite VERSION"),
    (re.compile(r"retried=\d+"), "retried=N"),
    (re.compile(r" +\d+ ms"), " TIME"),
    (re.compile(r"\([\d.,]+ ms\)"), "(TIME)"),
)
"""What differs from run to run."""

RUN = re.compile(r"run=([0-9a-z]{10})")
"""Ids of runs that a later command names."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def transcript(block: str) -> list[tuple[str, str]]:
    """Commands with what the README says they print; a here-document belongs to its command."""
    found = re.findall(r"^\$ (.*?)\n(.*?)(?=^\$ |\Z)", block, re.DOTALL | re.MULTILINE)
    return [_with_document(command, printed) for command, printed in found]


def _with_document(command: str, printed: str) -> tuple[str, str]:
    word = re.search(r"<<'(\w+)'$", command)
    if word is None:
        return command, printed
    body, _, rest = printed.partition(f"\n{word[1]}\n")
    return f"{command}\n{body}\n{word[1]}", rest


def scrubbed(text: str) -> str:
    for pattern, word in CHANGES:
        text = pattern.sub(word, text)
    return text.strip()


@pytest.fixture
def shop(cli: Cli) -> Path:
    """The demo's folder."""
    made = cli("demo")
    assert made.code == 0, made.err
    return cli.folder / "bulkq-demo"


def test_the_commands_print_what_the_readme_says(shop: Path, cli: Cli, tmp_path: Path) -> None:
    """Every `$ bulkq ...` of the README is typed, in order, and prints what stands there."""
    program = tmp_path / "bulkq"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bulkq "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = cli.environment()
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    shown = [pair for block in blocks("console") for pair in transcript(block)]
    assert len(shown) >= 6
    ids: dict[str, str] = {}
    for command, printed in shown:
        for written, real in ids.items():
            command = command.replace(written, real)  # noqa: PLW2901 - the same command, typed for this run
        done = subprocess.run(
            ["sh", "-c", f"{{ {command}\n}} 2>&1"],
            cwd=shop,
            capture_output=True,
            check=False,
            env=environment,
            timeout=60,
        )
        output = done.stdout.decode()
        assert scrubbed(output) == scrubbed(printed), command
        ids |= dict(zip(RUN.findall(printed), RUN.findall(output), strict=True))


def test_the_python_runs(shop: Path, cli: Cli) -> None:
    """The example of the Python API runs as it stands."""
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=shop,
        capture_output=True,
        check=False,
        env=cli.environment(),
        timeout=60,
    )
    assert done.stderr.decode() == ""
    assert done.stdout.decode().splitlines()[-1] == "1 ok, 1 changed"


def test_the_configurations_are_read(tmp_path: Path) -> None:
    """Every TOML block is a configuration without a mistake, down to the values of its defaults."""
    for text in blocks("toml"):
        (tmp_path / "bulkq.toml").write_text(text, encoding="utf-8")
        config = load_config(str(tmp_path / "bulkq.toml"))
        assert config.targets
        assert len(default_map(config.defaults)) == len(config.defaults)


def test_the_two_commands_stand_first() -> None:
    """The commands that install and test it are the first block, and name nothing else to be installed."""
    first = blocks("sh")[0].splitlines()
    assert first[0] == "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/bulkq demo"
    assert first[1] == "python3 -m venv .venv && .venv/bin/pip install -q '.[test]' && .venv/bin/pytest"

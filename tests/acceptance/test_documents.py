"""The documentation is true: its commands print what the pages show, its Python runs, its configurations are valid."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

import bulkq
from bulkq import query
from bulkq.cli.options.config_defaults import default_map
from bulkq.targets import load_config
from tests.support.documents import ROOT, SERVER, Block, Session, blocks, commands, pages, scrub

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

EXECUTED = {"console", "python"}
MOST_NOT_RUN = 25
"""Blocks of commands that no test can execute, in the whole documentation."""

CODE_PATH = re.compile(
    r"`((?:bulkq|tests|sql|migrations|benchmarks|findings|docs)/[\w./-]*(?:\.py|\.md|\.sql|\.sh|/))`"
)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for a home with the demo and its run, made once and copied for each page."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def home(demo: Path, cli: Cli) -> Path:
    """The home of one page."""
    if not (demo / "bulkq-demo").exists():
        made = cli("demo")
        assert made.code == 0, made.err
        shutil.copytree(cli.folder, demo, dirs_exist_ok=True)
    else:
        shutil.copytree(demo, cli.folder, dirs_exist_ok=True)
    return cli.folder


@pytest.mark.parametrize(
    "page", [page for page in pages() if EXECUTED & {b.language for b in blocks(page.read_text("utf-8"))}], ids=named
)
def test_the_commands_print_what_the_page_shows(
    page: Path, home: Path, cli: Cli, request: pytest.FixtureRequest
) -> None:
    """The commands and programs of a page are executed in order, in the demo's folder, and print what the page shows."""
    text = page.read_text(encoding="utf-8")
    server = request.getfixturevalue("database") if SERVER in text else SERVER
    environment = cli.environment()
    session = Session(home / "bulkq-demo", environment, server, cli._forks._path(environment))
    found = blocks(text)
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.reason is None and block.language in EXECUTED:
            _execute(session, block, following)


def _execute(session: Session, block: Block, following: Block | None) -> None:
    """A console block; or a Python block, whose output is the text block that follows it."""
    if block.language == "console":
        shown = [*commands(block.text)]
        assert shown, f"line {block.line}: no command"
        for command, printed in shown:
            assert scrub(session.type(command, printed)) == scrub(printed), command
    else:
        expected = following.text if following is not None and following.language == "text" else ""
        assert scrub(session.run_python(block.text)) == scrub(expected), f"line {block.line}"


@pytest.mark.parametrize("page", pages(), ids=named)
def test_configurations_are_valid(page: Path, tmp_path: Path) -> None:
    """Every TOML block is a configuration without a mistake, down to the values of its defaults."""
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "toml" and block.reason is None:
            (tmp_path / "bulkq.toml").write_text(block.text, encoding="utf-8")
            config = load_config(str(tmp_path / "bulkq.toml"))
            assert len(default_map(config.defaults)) == len(config.defaults)


@pytest.mark.parametrize("page", pages(), ids=named)
def test_queries_are_valid(page: Path) -> None:
    """Every SQL block with a name line is a query file that bulkq reads without an error."""
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "sql" and "-- name:" in block.text:
            assert query.load(block.text, f"{named(page)}:{block.line}")


def test_few_blocks_are_not_run() -> None:
    """A block of commands is executed, or says why it cannot be; few cannot."""
    every = [(page, block) for page in pages() for block in blocks(page.read_text(encoding="utf-8"))]
    shells = [(page, block) for page, block in every if block.language in {"sh", "bash", "shell"}]
    unmarked = [f"{named(page)}:{block.line}" for page, block in shells if not block.reason]
    assert unmarked == []
    assert len([block for _, block in every if block.reason is not None]) <= MOST_NOT_RUN


@pytest.mark.parametrize("page", pages(), ids=named)
def test_files_that_are_named_exist(page: Path) -> None:
    """A path of the repository in a page leads to a file or a folder, and so does a relative link."""
    text = page.read_text(encoding="utf-8")
    assert [path for path in CODE_PATH.findall(text) if "NAME" not in path and not (ROOT / path).exists()] == []
    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []


def test_every_public_name_is_described() -> None:
    """The page of the Python API has each name of `bulkq.__all__`, and no other."""
    text = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    described = re.findall(r"^\.\. auto(?:function|class|exception):: (\w+)", text, re.MULTILINE)
    assert sorted([*described, "__version__"]) == sorted(bulkq.__all__)

"""`bulkq list` and `bulkq lint`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.shop import TARGET, values

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


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

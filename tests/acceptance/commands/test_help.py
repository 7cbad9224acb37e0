"""Help, version and usage errors of all commands, and a stdout that is closed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import bulkq
from tests.support.shop import TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


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


def test_a_command_ends_as_python_does(cli: Cli) -> None:
    """What is registered with `atexit` is called, what was printed is written, and the exit code is the command's; a profiler sees its end."""
    script = (
        "import atexit, sys\n"
        "from bulkq.__main__ import main\n"
        "atexit.register(print, 'registered')\n"
        "print('printed')\n"
        "sys.argv = ['bulkq', *sys.argv[1:]]\n"
        "if sys.argv[1] == '--version':\n"
        "    sys.setprofile(lambda *_: None)\n"
        "code = main()\n"
        "print('returned')\n"
        "sys.exit(code)\n"
    )
    for argument, code, ending in (("--no-such-option", 2, ""), ("--version", 0, "returned\n")):
        command = [sys.executable, "-c", script, argument]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=cli.environment())
        version = f"bulkq {bulkq.__version__}\n" if code == 0 else ""
        assert (done.returncode, done.stdout) == (code, f"printed\n{version}{ending}registered\n")


def test_help_lists_what_works(cli: Cli) -> None:
    """The commands stand in the order in which they are met."""
    done = cli("--help")
    listed = re.findall(r"^  ([a-z]+)  ", done.text.partition("Commands:")[2], re.MULTILINE)
    assert listed == [
        "demo",
        "run",
        "backfill",
        "maintain",
        "undo",
        "check",
        "diag",
        "resume",
        "retry",
        "ctl",
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

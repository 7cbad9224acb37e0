"""The man pages say what `--help` says, are accepted by the formatters, and can be found by `man`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "man" / "man1").glob("*.1"))


def output(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    """All that a program prints, on stdout and stderr."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANROFFOPT": "", **(environment or {})}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    return done.stdout + done.stderr


def test_pages_are_up_to_date() -> None:
    """`man/make.py` would write nothing new."""
    assert output(sys.executable, ROOT / "man" / "make.py", "--check") == ""


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_finds_no_fault() -> None:
    """Neither a warning nor a remark about style."""
    assert output("mandoc", "-T", "lint", "-W", "style", *PAGES) == ""


@pytest.mark.skipif(shutil.which("man") is None or shutil.which("groff") is None, reason="man is not installed")
def test_groff_formats_without_warnings() -> None:
    """`man --warnings` prints the pages alone."""
    for page in PAGES:
        done = subprocess.run(["man", "--warnings=w", "-l", page], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), page.name


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_finds_the_page_of_a_command() -> None:
    """`man bulkq` and `man bulkq run`, with the folder in MANPATH."""
    folder = {"MANPATH": str(ROOT / "man")}
    assert "bulkq - run one SQL query for each parameter set" in output("man", "bulkq", environment=folder)
    assert "--lock-timeout TIME" in output("man", "bulkq", "run", environment=folder)

"""The README is short and begins with the two commands; that what it shows is true is tested with all documents."""

from __future__ import annotations

from tests.support.documents import ROOT, blocks

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_two_commands_stand_first() -> None:
    """The commands that install and test it are the first block, and name nothing else to be installed."""
    first = blocks(README)[0].text.splitlines()
    assert first[0] == "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/bulkq demo"
    assert first[1] == "python3 -m venv .venv && .venv/bin/pip install -q '.[test]' && .venv/bin/pytest"


def test_it_is_short() -> None:
    """Everything but the first look is on pages of its own."""
    assert len(README.splitlines()) <= 120

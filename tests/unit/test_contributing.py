"""CONTRIBUTING.md says where a change goes: its places are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [line for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines() if line.startswith("| ")]


def test_every_path_is_there() -> None:
    """NAME and DATABASE stand for any."""
    paths = {path for row in ROWS for path in re.findall(r"`((?:bulkq|docs|migrations|sql|tests)/[^`]*)`", row)}
    assert len(paths) > 40
    assert {path for path in paths if not list(ROOT.glob(re.sub("NAME|DATABASE", "*", path.rstrip("/"))))} == set()
    alone = {name for row in ROWS for name in re.findall(r"`(\w+\.py)`", row)}
    assert {name for name in alone if not list((ROOT / "bulkq").rglob(name.replace("NAME", "*")))} == set()


def test_every_table_of_names_is_there() -> None:
    """`NAMES` in `module.py` is defined in that module."""
    tables = {found for row in ROWS for found in re.findall(r"`([A-Z]+)` in `(bulkq/[^`]*\.py)`", row)}
    assert len(tables) >= 5
    assert {(name, path) for name, path in tables if f"\n{name}" not in (ROOT / path).read_text()} == set()

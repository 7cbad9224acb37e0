"""`bulkq doctor`."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.shop import TARGET

if TYPE_CHECKING:
    from tests.support.command import Cli


@pytest.mark.usefixtures("folder")
def test_doctor_looks_at_a_target(cli: Cli) -> None:
    """Driver, versions and capabilities, for people and for programs."""
    done = cli("doctor", "-t", TARGET)
    assert done.code == 0
    assert f"server       sqlite {sqlite3.sqlite_version}" in done.text
    found = json.loads(cli("doctor", "-t", TARGET, "--format", "json").out)
    assert (found["server"]["product"], found["driver"]["name"]) == ("sqlite", "aiosqlite")


def test_doctor_cannot_tell(cli: Cli) -> None:
    """A target that is not there: exit code 3."""
    done = cli("doctor", "-t", "sqlite:///none.db")
    assert (done.code, done.out) == (3, b"")
    assert "none.db" in done.err

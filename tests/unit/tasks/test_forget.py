"""A run is forgotten with the images that it has kept in its target."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError, TargetError, UsageError
from bulkq.tasks.backfill import backfill
from bulkq.tasks.forget import forget
from tests.unit.tasks.test_backfill import database, request

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgetting a run goes into its folder."""
    monkeypatch.chdir(tmp_path)


async def test_images_are_removed(tmp_path: Path) -> None:
    """With the record; what other runs have kept stays."""
    opened = database(tmp_path, 10)
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    first, second = [
        await backfill(request(tmp_path, "--set", "n = v", "--capture"), control=Control()) for _ in range(2)
    ]
    record, _, left = await forget(first.run, ledger=ledger, changes={})
    assert (record.run, left) == (first.run, [])
    assert opened.execute("select distinct run from bulkq_images").fetchall() == [(second.run,)]
    with pytest.raises(UsageError, match="no run"):
        await forget(first.run, ledger=ledger, changes={})


async def test_a_run_that_could_go_on_needs_a_word(tmp_path: Path) -> None:
    """So does one whose images cannot be removed: they stay, and that is said."""
    opened = database(tmp_path, 10)
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    stopped = await backfill(
        request(tmp_path, "--set", "n = v", "--max-rows", "5", "--min-rows", "5", "--max-affected", "7", "-j", "1"),
        control=Control(),
    )
    with pytest.raises(RefusedError, match="is not finished and could no longer be resumed: add --yes"):
        await forget(stopped.run, ledger=ledger, changes={})
    assert (await forget(stopped.run, ledger=ledger, changes={}, yes=True))[2] == []
    done = await backfill(request(tmp_path, "--set", "n = v", "--capture"), control=Control())
    opened.close()
    os.replace(tmp_path / "app.db", tmp_path / "moved.db")  # noqa: PTH105
    with pytest.raises(TargetError, match="add --yes to forget the run all the same"):
        await forget(done.run, ledger=ledger, changes={})
    _, _, left = await forget(done.run, ledger=ledger, changes={}, yes=True)
    assert left[0].startswith(f"what run {done.run} kept of its rows remains in its targets: ")
    assert sqlite3.connect(tmp_path / "moved.db").execute("select count(*) from bulkq_images").fetchone() > (0,)

"""The status of a run through a ledger that other hosts reach, until it has ended."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from bulkq.control import client, socket_folder
from bulkq.ledger import open_ledger
from bulkq.model.run_status import Activity
from bulkq.tasks.live_status import LiveStatus
from tests.support.watched_runs import follow, start, until_live

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder with a short path."""
    with TemporaryDirectory(prefix="bq-") as folder:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        monkeypatch.setattr(socket_folder, "roots", lambda state: [state / "live"])  # not those of other tests
        sqlite3.connect(f"{folder}/a.db").close()
        Path(f"{folder}/a.db").touch()
        yield Path(folder)


async def test_a_run_is_watched_through_its_ledger(
    postgres_url: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another host there is no socket, so the ledger carries question and answer; none of them stays there."""
    work = start(state, postgres_url)
    found = await until_live(state)
    monkeypatch.setattr(client, "live_runs", lambda _: {})
    seen = await follow(LiveStatus(found, postgres_url))
    assert (await work).ok == 100
    assert {status.name for status in seen} == {"slow"}
    assert seen[-1].activity is Activity.ENDED
    ledger = await open_ledger(postgres_url)
    try:
        box = ledger.mailbox
        assert box is not None
        assert await box.send(found, "ann@far", "{}") == 1  # no command stands before it
    finally:
        await ledger.close()

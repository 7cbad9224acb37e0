"""The status of a live run over its socket, until its process has ended."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from bulkq.control import socket_folder
from bulkq.errors import UsageError
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


async def test_a_run_is_watched_over_its_socket(state: Path) -> None:
    """The only live run needs no id; its numbers grow until the status of its end."""
    ledger = f"sqlite:///{state}/l.db"
    with pytest.raises(UsageError, match="no run is live"):
        await LiveStatus(None, ledger).read()
    work = start(state, ledger)
    run = await until_live(state)
    feed = LiveStatus(None, ledger)
    seen = await follow(feed)
    assert (await work).ok == 100
    assert feed.run == run
    assert [status.done for status in seen] == sorted(status.done for status in seen)
    assert {status.name for status in seen} == {"slow"}
    assert seen[-1].done == 100 > seen[0].done
    assert (seen[-1].activity, seen[-1].exit_code) == (Activity.ENDED, 0)


async def test_a_run_without_a_ledger_is_gone_at_its_end(state: Path) -> None:
    """Nothing can tell what it came to."""
    work = start(state, "none", sets=30)
    await until_live(state)
    seen = await follow(LiveStatus(None, f"sqlite:///{state}/l.db"))
    assert seen
    assert seen[-1].activity is not Activity.ENDED
    assert (await work).ok == 30

"""A run listens while it works, or says why it does not."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from bulkq.control import client, socket_folder
from bulkq.control.answer_request import NOT_YET
from bulkq.engine.stop_control import Control
from bulkq.ledger import NoLedger
from bulkq.lifecycle import live_control
from bulkq.lifecycle.live_control import open_live_control, state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder with a short path."""
    with TemporaryDirectory(prefix="bq-") as folder:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        yield Path(folder) / "bulkq"


async def test_a_run_listens_until_it_ends(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its batches it says that it has not begun. Without `listens` there is no socket."""
    monkeypatch.setattr(live_control, "BEGIN_S", 0.05)
    async with AsyncExitStack() as stack:
        assert await open_live_control("01kb", Control(), NoLedger(), stack) == ""
        assert not state.exists()
        assert await open_live_control("01kb", Control(listens=True), NoLedger(), stack) == ""
        path = state / "live" / "01kb" / socket_folder.SOCKET
        answer = await asyncio.to_thread(client.ask, path, json.dumps({"command": "status"}))
        assert answer == {"ok": False, "error": NOT_YET, "exit": 2}
    assert not path.parent.exists()


async def test_without_a_socket_the_run_goes_on(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One notice, and nothing else."""
    monkeypatch.setattr(socket_folder, "roots", lambda _: [state / "a" / "b"])
    async with AsyncExitStack() as stack:
        why = await open_live_control("01kb", Control(listens=True), NoLedger(), stack)
    assert why == "bulkq ctl cannot reach this run: No such file or directory"


def test_an_account_without_a_home_has_no_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the socket is in the folder for temporary files."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    assert state_folder() is None

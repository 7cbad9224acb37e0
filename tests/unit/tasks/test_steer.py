"""Which run is meant, and what is said of runs that do not obey."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from bulkq.control.server import ControlServer
from bulkq.errors import RefusedError, StoppedError, UsageError
from bulkq.ledger import open_ledger
from bulkq.model import RunState
from bulkq.policy.control_request import ControlRequest
from bulkq.tasks.steer import steer
from tests.support.ledgers import dead_owner, ended, record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STATUS, PAUSE, DRAIN = (ControlRequest(command=name) for name in ("status", "pause", "drain"))


@pytest.fixture
async def state(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A state folder with a short path, in which no run is live; other folders have none of this test either."""
    with TemporaryDirectory(prefix="bq-") as folder:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        monkeypatch.setenv("XDG_RUNTIME_DIR", os.devnull)
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder) / "bulkq"


async def serve(run: str, state: Path, **answer: object) -> ControlServer:
    """A run that gives one answer."""

    async def respond(_: bytes, by: str) -> str:
        return json.dumps({"by": by, **answer})

    server = ControlServer(run, respond)
    await server.open(state)
    return server


async def test_the_only_live_run_is_meant(state: Path) -> None:
    """None and several are one line; an id may be shortened as long as it names one."""
    with pytest.raises(UsageError, match="no run is live: bulkq runs lists those that have ended"):
        await steer(None, STATUS, "auto")
    one = await serve("01kb4x", state, ok=True, text="done")
    found = await steer(None, PAUSE, "auto")
    assert (found.run, found.fields["text"], found.ended) == ("01kb4x", "done", "")
    two = await serve("01kb5y", state, ok=True)
    with pytest.raises(
        UsageError, match="several runs are live: 01kb4x, 01kb5y: name one, for example bulkq ctl 01kb4x status"
    ):
        await steer(None, STATUS, "auto")
    with pytest.raises(UsageError, match='"01kb" matches several live runs: 01kb4x, 01kb5y'):
        await steer("01kb", STATUS, "auto")
    assert (await steer("01KB5", STATUS, "auto")).run == "01kb5y"
    assert (await steer("01kb5y", STATUS, "auto")).run == "01kb5y"
    with pytest.raises(UsageError, match='no run "zz" is live on this machine: no ledger'):
        await steer("zz", STATUS, "auto")
    await one.close()
    await two.close()


@pytest.mark.parametrize(
    ("code", "kind"), [(2, UsageError), (4, RefusedError), (5, StoppedError), (None, StoppedError)]
)
async def test_a_run_that_does_not_obey(state: Path, code: int | None, kind: type[Exception]) -> None:
    """Its words, and the exit code that it gives."""
    server = await serve("01kb4x", state, ok=False, error="no", exit=code)
    with pytest.raises(kind, match="run 01kb4x: no"):
        await steer("01kb4x", STATUS, "auto")
    await server.close()


async def test_a_run_that_has_ended_says_what_it_came_to(state: Path, tmp_path: Path) -> None:
    """A status is answered, and so is a drain, which has nothing left to do; a pause is an error. A dead run is continued."""
    url = str(tmp_path / "ledger.db")
    ledger = await open_ledger(url)
    for run, owner in (("01kb4x0001", ""), ("01kb4x0002", dead_owner())):
        begun = replace(record(run), **({"owner": owner} if owner else {}))
        await ledger.begin(begun, [])
        if not owner:
            await ledger.finish(ended(begun, RunState.STOPPED, 5, ok=10, changed=3))
    await ledger.close()
    found = await steer("01kb4x0001", DRAIN, url)
    assert found.ended == "it has ended: status=stopped exit=5 ok=10 changed=3"
    status = found.fields["status"]
    assert (status["activity"], status["exit_code"], status["resume"]) == ("ended", 5, "bulkq resume 01kb4x0001")
    with pytest.raises(UsageError, match="run 01kb4x0001 cannot pause: it has ended: status=stopped exit=5 ok=10"):
        await steer("01kb4x0001", PAUSE, url)
    found = await steer("01kb4x0002", STATUS, url)
    assert found.ended == "its process has died: bulkq resume 01kb4x0002 continues it"
    with pytest.raises(UsageError, match="no run is live"):
        await steer(None, STATUS, url)
    assert state.parent.exists()


async def test_a_run_without_a_socket_here(state: Path, tmp_path: Path) -> None:
    """One of this machine that another user has started, or of another host whose ledger is a file: one line."""
    url = str(tmp_path / "ledger.db")
    ledger = await open_ledger(url)
    await ledger.begin(record("01kb4x0001"), [])
    with pytest.raises(UsageError, match="has no socket here: it was started by another user, with another"):
        await steer("01kb4x0001", STATUS, url)
    await ledger.begin(record("01kb4x0002", owner="far:1:2.3.4:5"), [])
    with pytest.raises(
        UsageError, match='at work on host "far", process 1, and has no socket here: use bulkq ctl there'
    ):
        await steer("01kb4x0002", STATUS, url)
    await ledger.close()
    assert state.parent.exists()


async def test_a_run_that_ends_at_this_moment(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record says what it came to; without one it has just ended."""
    from bulkq.control import client

    def gone(*_: object) -> None:
        raise client.RunGone

    server = await serve("01kb4x0001", state, ok=True)
    monkeypatch.setattr(client, "ask", gone)
    with pytest.raises(UsageError, match="run 01kb4x0001 has just ended"):
        await steer(None, STATUS, "auto")
    url = str(tmp_path / "ledger.db")
    ledger = await open_ledger(url)
    await ledger.begin(record(), [])
    with pytest.raises(StoppedError, match="closed its socket without an answer: try again"):
        await steer(None, STATUS, url)
    await ledger.finish(ended(record(), ok=10))
    await ledger.close()
    assert (await steer(None, STATUS, url)).ended == "it has ended: status=ok exit=0 ok=10"
    await server.close()


async def test_a_run_on_another_host_is_asked_through_its_ledger(
    state: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer comes through PostgreSQL. One that does not answer is named, and the command is withdrawn."""
    import asyncio

    from bulkq.tasks import steer as steering

    ledger = await open_ledger(database)
    await ledger.begin(record("01kb4x0002", owner="far:1:2.3.4:5"), [])
    box = ledger.mailbox
    assert box is not None

    async def obey() -> None:
        while not (waits := await box.waiting("01kb4x0002")):
            await asyncio.sleep(0.02)
        await box.answer("01kb4x0002", waits[0].number, json.dumps({"ok": True, "text": waits[0].request}))

    task = asyncio.create_task(obey())
    found = await steer(None, PAUSE, database)
    await task
    assert (found.run, found.fields["text"]) == ("01kb4x0002", '{"command": "pause"}')
    monkeypatch.setattr(steering, "ANSWER_S", 0.1)
    with pytest.raises(StoppedError, match="did not answer within 0.1s: the command was withdrawn"):
        await steer("01kb4x0002", STATUS, database)
    assert await box.waiting("01kb4x0002") == ()
    await ledger.close()
    assert state.parent.exists()

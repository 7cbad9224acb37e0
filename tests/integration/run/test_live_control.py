"""A run that is steered while it works, over its socket and through a ledger that other hosts reach."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import asyncpg
import pytest

import bulkq
from bulkq import query as queries
from bulkq.control import client, socket_folder
from bulkq.engine.stop_control import Control
from bulkq.ledger import open_ledger
from bulkq.model import RunSummary, Target
from bulkq.model.run import make_run
from bulkq.tasks.run import run
from tests.support.checks import run as run_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulkq.policy.progress import Progress


class Steered:
    """A run of queries of a hundredth of a second each, which listens."""

    def __init__(self, url: str, state: Path, **more: object) -> None:
        self.state = state
        self.out = io.BytesIO()
        self.lines: list[str] = []
        self.progress: Progress | None = None
        asked = {"ledger": "none", "concurrency": 4, "params": ("range:id=1..300",), "format": "csv", **more}
        request = make_run(
            queries=(queries.inline("select :id::int as id, pg_sleep(0.01)::text as s", "postgresql"),),
            targets=(Target(url=url),),
            **asked,  # type: ignore[arg-type]
        )
        control = Control(listens=True)
        self.work = asyncio.create_task(run(request, control=control, stdout=self.out, observers=[self]))

    def started(self, progress: Progress) -> None:
        self.progress = progress

    def batch_done(self, result: object) -> None: ...
    def finished(self, summary: object) -> None: ...
    def notice(self, text: str) -> None:
        self.lines.append(text)

    async def until(self, met: Callable[[Progress], bool]) -> Progress:
        """Wait for a state of the run."""
        async with asyncio.timeout(30):
            while self.progress is None or not met(self.progress):
                assert not self.work.done()
                await asyncio.sleep(0.005)
        return self.progress

    async def ask(self, command: str, **fields: object) -> dict[str, object]:
        """Send a command over the socket."""
        progress = await self.until(lambda progress: progress.done > 0)
        path = self.state / "live" / progress.run / socket_folder.SOCKET
        return await asyncio.to_thread(client.ask, path, json.dumps({"command": command, **fields}))

    async def finish(self) -> RunSummary:
        """Wait for the end: every set has its row, in order, and no socket is left."""
        summary = await asyncio.wait_for(self.work, 60)
        assert list((self.state / "live").iterdir()) == []
        return summary

    @property
    def ids(self) -> list[int]:
        return [int(line.split(",")[0]) for line in self.out.getvalue().decode().splitlines()[1:]]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder with a short path."""
    with TemporaryDirectory(prefix="bq-") as folder:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.setattr("tempfile.tempdir", folder)  # where runs of other tests may be live
        yield Path(folder) / "bulkq"


async def test_a_paused_run_holds_nothing_on_the_server(database: str, state: Path) -> None:
    """What runs ends, then no session is left; settings change meanwhile; afterwards every row comes, in order."""
    steered = Steered(database, state, params=("range:id=1..100",), batch=1, batch_given=True)
    assert "paused" in str((await steered.ask("pause"))["text"])
    progress = await steered.until(lambda progress: progress.state.startswith("paused: by ") and not progress.in_flight)
    server = await asyncpg.connect(database)
    try:
        mine = "select count(*) from pg_stat_activity where application_name = $1"
        async with asyncio.timeout(10):
            while await server.fetchval(mine, f"bulkq/{progress.run}"):
                await asyncio.sleep(0.02)
        done = progress.done
        answer = await steered.ask("set", settings=["concurrency=2", "nice=0.1"])
        assert answer["text"] == "concurrency 4 -> 2, nice 0 -> 0.1"
        await asyncio.sleep(0.2)
        assert (progress.done, progress.in_flight) == (done, 0)
        assert str((await steered.ask("resume"))["text"]).startswith("continued after ")
        await steered.until(lambda progress: progress.done > done + 4)
        assert await server.fetchval(mine, f"bulkq/{progress.run}") <= 2
    finally:
        await server.close()
    summary = await steered.finish()
    assert (summary.exit_code, summary.ok) == (0, 100)
    assert steered.ids == list(range(1, 101))


async def test_a_run_obeys_through_its_ledger(database: str, state: Path) -> None:
    """Another host sends commands through PostgreSQL; who did what when is on record."""
    steered = Steered(database, state, ledger=database, params=("range:id=1..3000",))
    progress = await steered.until(lambda progress: progress.done > 0)
    ledger = await open_ledger(database)
    try:
        box = ledger.mailbox
        assert box is not None
        numbers = [
            await box.send(progress.run, "ann@far", json.dumps(request))
            for request in ({"command": "set", "settings": ["rate=50/s"]}, {"command": "drain"})
        ]
        async with asyncio.timeout(20):
            while (last := await box.answered(progress.run, numbers[1])) is None:
                await asyncio.sleep(0.05)
        assert json.loads(last)["ok"]
        summary = await steered.finish()
        assert (summary.exit_code, summary.reason) == (5, "drained by ann@far")
        assert 0 < summary.ok < 3000
        events = await ledger.events(progress.run, "change", "stop")
        assert [(event.text, event.by) for event in events] == [
            ("rate none -> 50/s", "ann@far"),
            ("drained", "ann@far"),
        ]
    finally:
        await ledger.close()


async def test_two_who_steer_at_once_are_both_answered(database: str, state: Path) -> None:
    """The last wins; both are named. A stop cancels what runs."""
    steered = Steered(database, state)
    answers = await asyncio.gather(*(steered.ask("set", settings=[f"concurrency={n}"]) for n in (2, 3)))
    assert all(answer["ok"] for answer in answers)
    value = (await steered.ask("get", key="concurrency"))["settings"]
    assert value in ({"concurrency": "2"}, {"concurrency": "3"})
    assert (await steered.ask("stop"))["text"] == "stopping: the running queries are cancelled"
    summary = await steered.finish()
    assert summary.exit_code == 5
    assert (
        [line for line in steered.lines if line.startswith("concurrency ")][-1]
        .partition(" (by")[0]
        .endswith(
            next(iter(value.values()))  # type: ignore[attr-defined]
        )
    )


async def test_a_run_of_checks_with_a_snapshot_is_not_paused(database: str, state: Path) -> None:
    """The snapshot is an open transaction; other changes are made, and are on record."""
    text = "\n".join(f"-- name: c{i}\n-- @expect rows = 1\nselect pg_sleep(0.2);" for i in range(20))
    control = Control(listens=True)
    checks = {"snapshot": True}
    work = asyncio.create_task(
        run_checks(text, database, control=control, checks=checks, concurrency=1, ledger=database)
    )
    async with asyncio.timeout(20):
        while not (found := await asyncio.to_thread(client.live_runs, state)) or control.run is None:
            await asyncio.sleep(0.02)
    answers = [
        await asyncio.to_thread(client.ask, next(iter(found.values())), json.dumps(request))
        for request in ({"command": "pause"}, {"command": "set", "settings": ["concurrency=4"]}, {"command": "stop"})
    ]
    assert (answers[0]["exit"], answers[0]["error"].partition(":")[0]) == (4, "pause")
    assert "--snapshot keeps a transaction open" in answers[0]["error"]
    assert answers[1]["text"] == "concurrency 1 -> 4"
    summary = await work
    assert summary.exit_code == 5
    ledger = await open_ledger(database)
    assert [event.text for event in await ledger.events(summary.run, "change", "stop")] == [
        "concurrency 1 -> 4",
        "stopped",
    ]
    await ledger.close()


async def test_a_run_of_python_listens_if_it_is_asked_to(database: str, state: Path) -> None:
    """By default it does not."""
    for steerable in (False, True):
        sets = ({"i": i} for i in range(1000))  # of which most are left when the first row is here
        async with (
            bulkq.open(database, 1, steerable=steerable) as db,
            db.run("select pg_sleep(0.01), :i::int as i", sets) as rows,
        ):
            await anext(rows)
            live = await asyncio.to_thread(client.live_runs, state)
            assert bool(live) is steerable

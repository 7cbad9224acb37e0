"""A slow run that listens, and everything that it says of itself until its end."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.control import client
from bulkq.engine.stop_control import Control
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.model.run_status import Activity
from bulkq.tasks.run import run

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import RunSummary
    from bulkq.model.run_status import RunStatus
    from bulkq.tasks.live_status import LiveStatus


def start(state: Path, ledger: str, sets: int = 100) -> asyncio.Task[RunSummary]:
    """A run of about two seconds that listens."""
    request = make_run(
        queries=(queries.inline("select :id", "sqlite"),),
        targets=(Target(url=f"sqlite:///{state}/a.db"),),
        params=(f"range:id=1..{sets}",),
        max_rate="50/s",
        format="csv",
        ledger=ledger,
        name="slow",
    )
    return asyncio.create_task(run(request, control=Control(listens=True), stdout=io.BytesIO(), observers=[]))


async def follow(feed: LiveStatus) -> list[RunStatus]:
    """Every status until that of the end, or until the run is gone."""
    seen: list[RunStatus] = []
    async with asyncio.timeout(30):
        while (status := await feed.read()) is not None:
            seen.append(status)
            if status.activity is Activity.ENDED:
                break
            await asyncio.sleep(0.05)
    return seen


async def until_live(state: Path) -> str:
    """The id of the only live run, as soon as it listens."""
    async with asyncio.timeout(30):
        while not (found := await asyncio.to_thread(client.live_runs, state / "bulkq")):
            await asyncio.sleep(0.01)
    return next(iter(found))

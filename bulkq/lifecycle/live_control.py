"""Let a run be steered by `bulkq ctl` while it works."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bulkq.control.mailbox import MailboxLedger, serve
from bulkq.control.server import ControlServer
from bulkq.errors import UsageError
from bulkq.ledger.location import default_path

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from bulkq.engine.stop_control import Control
    from bulkq.protocols import Ledger


BEGIN_S = 5.0
"""Seconds that a request waits for the begin of a run that was announced."""

LOOK_S = 0.02


def state_folder() -> Path | None:
    """Return the state folder of bulkq; None if this account has no home folder."""
    try:
        return default_path().parent
    except UsageError:
        return None


async def open_live_control(run: str, control: Control, ledger: Ledger, stack: AsyncExitStack) -> str:
    """Listen for requests to a run, unless its control does not want it.

    Args:
        run: its id.
        control: of the run.
        ledger: of the run.
        stack: closes what is opened here.

    Returns:
        Why there is no socket, for people, without which the run goes on; "" if there is one.
    """
    notice = ""
    if not control.listens:
        return notice

    async def respond(request: str | bytes, by: str) -> str:
        begins_s = time.monotonic() + BEGIN_S
        while control.run is None and time.monotonic() < begins_s:  # noqa: ASYNC110 - for some milliseconds, once
            await asyncio.sleep(LOOK_S)
        from bulkq.control.answer_request import answer  # most runs get no request

        return answer(request, by, control.run)

    server = ControlServer(run, respond)
    stack.push_async_callback(server.close)
    try:
        await server.open(state_folder())
    except OSError as error:
        notice = f"bulkq ctl cannot reach this run: {error.strerror or error}"
    mailbox = ledger.mailbox if isinstance(ledger, MailboxLedger) else None
    if mailbox is not None:
        task = asyncio.create_task(serve(mailbox, run, respond), name="bulkq mailbox")
        stack.push_async_callback(_end, task)
    return notice


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait([task])

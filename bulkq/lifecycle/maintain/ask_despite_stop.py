"""Ask the server what came of a command, also if the run is stopped just then.

A stop cancels each lane once, wherever it waits. If a command has ended by then, its object is done and has to count as done.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


async def ask_despite_stop(ask: Callable[[], Awaitable[T]], stopped: Callable[[], bool]) -> T:
    """Return what `ask` gives. If the stop of the run cancels it, it is called again.

    Args:
        ask: a question that changes nothing, or whose changes can be repeated.
        stopped: whether the running commands are cancelled because the run ends.

    Raises:
        CancelledError: for another reason than the stop, or once more.
    """
    try:
        return await ask()
    except asyncio.CancelledError as cancelled:
        if cancelled.args or not stopped():
            raise
    return await ask()

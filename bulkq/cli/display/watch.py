"""Watch a run: show its status every second until its process has ended.

page    on a terminal: a screen that rich redraws; see `bulkq.cli.display.watch_page`
lines   elsewhere: one plain line for each status
json    the status as one JSON object on a line
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Protocol, TextIO

from bulkq.cli.display.one_line_status import status_line
from bulkq.cli.display.progress import can_draw, make_console
from bulkq.cli.display.watch_history import WatchHistory
from bulkq.cli.display.watch_page import WatchPage
from bulkq.model.run_status import Activity, status_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from bulkq.model.run_status import RunStatus

EVERY_S = 1.0
NOTE = "Ctrl-C leaves this page; the run continues."


class StatusFeed(Protocol):
    """Where the status of a run comes from."""

    async def read(self) -> RunStatus | None:
        """Return the status; None if the run is gone.

        Raises:
            BulkqError: the run does not answer.
        """


class StatusView(Protocol):
    """Where the status of a run is shown."""

    def show(self, status: RunStatus) -> None:
        """Show a status."""


class LinesView:
    """Writes each status as a line.

    Args:
        stream: the lines go there.
        as_json: as JSON objects.
    """

    def __init__(self, stream: TextIO, *, as_json: bool = False) -> None:
        self._stream, self._as_json = stream, as_json

    def __enter__(self) -> LinesView:
        """Open nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def show(self, status: RunStatus) -> None:
        """Write a line."""
        text = json.dumps(status_object(status), ensure_ascii=False) if self._as_json else status_line(status)
        self._stream.write(text + "\n")
        self._stream.flush()


class PageView:
    """Draws each status on a screen of its own, which is gone at the end.

    Args:
        stream: a terminal.
        environ: the environment, for colors.
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        from rich.live import Live

        self._history = WatchHistory()
        self._live = Live(console=make_console(stream, environ), screen=True, auto_refresh=False)

    def __enter__(self) -> PageView:
        """Wait with the screen until there is something to show."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back as it was."""
        self._live.stop()

    def show(self, status: RunStatus) -> None:
        """Draw the page."""
        self._history.add(status)
        self._live.start()
        self._live.update(WatchPage(self._history, NOTE), refresh=True)


def open_view(stream: TextIO, environ: Mapping[str, str], *, as_json: bool) -> AbstractContextManager[StatusView]:
    """Return the view for `stream`: a page on a terminal, otherwise lines."""
    if as_json or not can_draw(stream, environ):
        return LinesView(stream, as_json=as_json)
    return PageView(stream, environ)


async def watch(feed: StatusFeed, view: StatusView, every_s: float = EVERY_S) -> None:
    """Show the status of a run every `every_s` seconds until its process has ended. The status of the end is not shown.

    Raises:
        BulkqError: the run does not answer.
    """
    while (status := await feed.read()) is not None and status.activity is not Activity.ENDED:
        view.show(status)
        await asyncio.sleep(every_s)

"""Watching a run until its process has ended."""

from __future__ import annotations

import io
import json

from bulkq.cli.display.watch import LinesView, PageView, open_view, watch
from bulkq.model.run_status import Activity, RunStatus


class Statuses:
    """A run that gives these statuses, one after the other."""

    def __init__(self, *statuses: RunStatus) -> None:
        self._left = list(statuses)

    async def read(self) -> RunStatus | None:
        return self._left.pop(0) if self._left else None


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


async def test_lines_until_the_process_has_ended() -> None:
    """One for each status; as JSON where programs read them."""
    stream = io.StringIO()
    with open_view(stream, {"TERM": "xterm"}, as_json=True) as view:
        await watch(Statuses(RunStatus(done=1), RunStatus(done=2)), view, every_s=0)
    assert [json.loads(line)["done"] for line in stream.getvalue().splitlines()] == [1, 2]
    stream = io.StringIO()
    await watch(Statuses(RunStatus(name="fix")), LinesView(stream), every_s=0)
    assert " fix running 0 " in stream.getvalue()


async def test_a_status_that_has_ended_is_the_last() -> None:
    """What the run came to is shown otherwise; nothing after it is asked for."""
    feed = Statuses(RunStatus(activity=Activity.ENDED), RunStatus())
    await watch(feed, LinesView(io.StringIO()), every_s=60)
    assert await feed.read() is not None


async def test_a_page_on_a_terminal_leaves_it_as_it_was() -> None:
    """The page has a screen of its own, and the cursor is shown at its end."""
    stream = Terminal()
    with open_view(stream, {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}, as_json=False) as view:
        assert isinstance(view, PageView)
        await watch(Statuses(RunStatus(name="norm_phone"), RunStatus(name="norm_phone")), view, every_s=0)
    text = stream.getvalue()
    assert text.count("\x1b[?1049h") == text.count("\x1b[?1049l") == 1
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert text.count("norm_phone") == 2

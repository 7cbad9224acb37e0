"""The tries of a command, and what its answer says."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bulkq.engine.stop_control import Control
from bulkq.tasks.maintain import maintain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulkq.model import Run


async def test_a_lock_is_tried_again(tmp_path: Path, build: Callable[..., Run]) -> None:
    """As often as --retries says; then the reason has the number of tries."""
    opened = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    opened.execute("begin immediate")
    made = build("analyze", "--table", "a", "--retries", "1", "--lock-timeout", "10ms")
    summary = await maintain(made, control=Control())
    [failure] = summary.failures
    assert failure.message.endswith(" in 2 tries")


async def test_damage_is_a_failure(tmp_path: Path, build: Callable[..., Run]) -> None:
    """The command itself reports no error."""
    made = build("integrity")
    opened = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    opened.execute("insert into a (v) values ('x')")
    opened.execute("pragma writable_schema = on")
    opened.execute(
        "update sqlite_schema set rootpage = (select rootpage from sqlite_schema where name = 'b') where name = 'av'"
    )
    opened.close()
    summary = await maintain(made, control=Control())
    assert (summary.exit_code, summary.failed, summary.ok) == (1, 1, 0)

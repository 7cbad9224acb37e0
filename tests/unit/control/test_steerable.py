"""What can be asked of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.live_run import LiveRun

if TYPE_CHECKING:
    from bulkq.control.steerable import Steerable


def test_a_running_run_can_be_steered() -> None:
    """The engine has every command; the type checker compares the arguments."""
    kind: type[Steerable] = LiveRun
    assert {"status", "why", "pause", "resume", "drain", "stop", "change", "settings"} <= set(dir(kind))

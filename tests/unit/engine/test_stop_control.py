"""Control by itself: the first reason counts, and a cancel outranks a drain."""

from __future__ import annotations

from bulkq.engine.stop_control import Control


def attached() -> tuple[Control, list[str]]:
    """A control, and what it has called."""
    called: list[str] = []
    control = Control()
    control.attach(on_drain=lambda: called.append("drain"), on_cancel=lambda: called.append("cancel"))
    return control, called


def test_the_first_drain_counts() -> None:
    """A second reason changes nothing."""
    control, called = attached()
    control.drain("a signal", 5)
    control.drain("a deadline", 3)
    assert (control.draining, control.cancelled) == (True, False)
    assert (control.reason, control.exit_code, called) == ("a signal", 5, ["drain"])


def test_a_cancel_outranks_a_drain() -> None:
    """A cancel takes over reason and exit code, once; a drain after it is none."""
    control, called = attached()
    control.drain("a signal", 5)
    control.cancel("two signals", 130)
    control.cancel("three signals", 1)
    control.drain("late")
    assert (control.draining, control.cancelled) == (True, True)
    assert (control.reason, control.exit_code, called) == ("two signals", 130, ["drain", "cancel"])


def test_a_stop_before_the_run_begins_is_kept() -> None:
    """Without a run attached, the state is what a run finds when it starts."""
    control = Control()
    control.drain("early")
    control.cancel("early, too")
    assert control.draining
    assert control.cancelled

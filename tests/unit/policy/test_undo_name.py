"""The name of the run that undoes another."""

from __future__ import annotations

from bulkq.policy.undo_name import undo_name


def test_the_name_has_the_id() -> None:
    """So that the undo of a run is found by it."""
    assert undo_name("01kb4x") == "undo 01kb4x"

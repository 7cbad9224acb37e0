"""A run as `bulkq runs` lists it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.cli.display.listed_run import ListedRun, next_step
from bulkq.model import RunState
from tests.support.ledgers import ended, record

FINISHED = replace(ended(record("a")), request='{"run": {}}')


@pytest.mark.parametrize(
    ("known", "step"),
    [
        (ListedRun(FINISHED, "ok"), ""),
        (ListedRun(replace(FINISHED, exit_code=1, failed=1), "failed"), "bulkq retry a"),
        (ListedRun(replace(FINISHED, failed=1), "failed", retried_by="b"), "bulkq runs b"),
        (ListedRun(replace(FINISHED, state=RunState.RUNNING), "dead"), "bulkq resume a"),
        (ListedRun(replace(FINISHED, mode="check"), "failed"), "bulkq report a"),
    ],
)
def test_next_step(known: ListedRun, step: str) -> None:
    """A finished run has none; others name the command that continues them."""
    assert next_step(known) == step

"""What a ledger has of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.tasks.check.read_history import read_history
from tests.support.checks import load, run

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_check_is_found_by_its_name(tmp_path: Path) -> None:
    """With the number of its runs; a mistyped name gets the nearest."""
    (tmp_path / "a.db").touch()
    ledger, target = str(tmp_path / "l.db"), f"sqlite:///{tmp_path / 'a.db'}"
    for _ in range(2):
        await run(load("-- name: size\nselect 1 where false", "h.sql"), target, ledger=ledger)
    [found] = await read_history("size", ledger)
    assert [str(past.verdict) for past in found.history] == ["pass", "pass"]
    with pytest.raises(UsageError, match=r'no check "siez" in the ledger .*did you mean .*size'):
        await read_history("siez", ledger)

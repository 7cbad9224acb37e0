"""What a ledger needs is imported, or named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import LedgerError
from bulkq.ledger.import_module import import_for
from bulkq.ledger.location import locate

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_library_that_fails_in_its_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises is said in one line, with the library to install; a module that is there is given."""
    (tmp_path / "fails_at_once.py").write_text("raise RuntimeError('broken')")
    monkeypatch.syspath_prepend(str(tmp_path))
    place = locate(str(tmp_path / "ledger.db"))
    with pytest.raises(LedgerError, match="RuntimeError: broken: install another version of greenlet, or choose"):
        await import_for(place, "fails_at_once", "greenlet")
    assert (await import_for(place, "json", "json")).__name__ == "json"

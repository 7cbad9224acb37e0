"""Throttles that are read often."""

from __future__ import annotations

import pytest

from bulkq.throttles import base


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a hundred times a second."""
    monkeypatch.setattr(base, "EVERY_S", 0.01)

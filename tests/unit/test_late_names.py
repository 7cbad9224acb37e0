"""Names that are imported when they are first used."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from bulkq.late_names import import_late


def test_a_name_is_imported_once_and_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first use puts the value into the package; a name without a home is an error that names the package."""
    package = ModuleType("bulkq.text")
    monkeypatch.setitem(sys.modules, "bulkq.text", package)
    package.__path__ = []
    durations = ModuleType("bulkq.text.durations")
    durations.parse_duration = 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bulkq.text.durations", durations)
    late = import_late("bulkq.text", {"parse_duration": "durations"})
    assert late("parse_duration") == vars(package)["parse_duration"] == 1
    with pytest.raises(AttributeError, match=r"module 'bulkq\.text' has no attribute 'lint'"):
        late("lint")

"""Objects of a process that died, where the database cannot tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from bulkq.lifecycle.maintain.settle_unknown import SettledObjects, settle_unknown
from bulkq.model import Target
from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions


async def test_without_sessions_to_ask_for_nothing_is_settled() -> None:
    """A file has none, so its objects stay unknown."""
    options = MaintenanceOptions(command="vacuum")
    unknown = [(1, MaintainedObject("table", "s", "t", "s.t"))]
    target = cast("Any", SimpleNamespace(definition=Target(url="sqlite:///app.db")))
    found = await settle_unknown(cast("Any", None), target, "r", options, unknown, print)
    assert found == SettledObjects()

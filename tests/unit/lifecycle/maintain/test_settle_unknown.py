"""Objects of a process that died, where the database cannot tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from bulkq.lifecycle.maintain.settle_unknown import SettledObjects, settle_unknown
from bulkq.model import Target
from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions


async def test_without_a_proof_nothing_is_settled() -> None:
    """A file has no sessions to ask for; an object without a proof stays unknown."""
    options = MaintenanceOptions(command="vacuum")
    unknown = [(1, MaintainedObject("table", "s", "t", "s.t"))]
    for url in ("sqlite:///app.db", "postgresql://h/d"):
        target = cast("Any", SimpleNamespace(definition=Target(url=url)))
        found = await settle_unknown(cast("Any", None), target, "r", options, unknown, print)
        assert found == SettledObjects()

"""The end of a maintenance run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.sqlite_maintenance import MAINTENANCE
from bulkq.engine.stop_control import Control
from bulkq.lifecycle.maintain.execute import _with_former_proofs
from bulkq.lifecycle.maintain.target_objects import TargetObjects
from bulkq.model.maintenance import MaintainedObject, ObjectFacts, ObjectResult, ObjectState
from bulkq.tasks.maintain import maintain

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Run


async def test_the_summary_has_the_objects(build: Callable[..., Run]) -> None:
    """In the order in which they ended, with the time of each."""
    summary = await maintain(build("reindex"), control=Control())
    assert [one.name for one in summary.objects] == ["av"]
    assert summary.objects[0].elapsed_s > 0


def test_an_object_that_did_not_move_is_not_believed() -> None:
    """Its proof is what it was, although the server reported success."""
    table = MaintainedObject("table", "s", "t", "s.t")
    listed = {("s", "t"): ObjectFacts(table, proof="1")}
    made = TargetObjects(catalog=MAINTENANCE, server=ServerFacts(), listed=listed)
    done = ObjectResult(target="x", name="s.t", state=ObjectState.DONE)
    made.results.append(done)
    assert _with_former_proofs(made, [ObjectFacts(table, proof="1")]) == ["s.t"]
    assert _with_former_proofs(made, [ObjectFacts(replace(table, name="u"), proof="1")]) == ["s.t"]
    assert _with_former_proofs(made, [ObjectFacts(table, proof="2")]) == _with_former_proofs(made, []) == []
    made.results[:] = [replace(done, state=ObjectState.SKIPPED)]
    assert _with_former_proofs(made, [ObjectFacts(table, proof="1")]) == []
    made.results[:] = [done]
    made.listed.clear()
    assert _with_former_proofs(made, [ObjectFacts(table)]) == []

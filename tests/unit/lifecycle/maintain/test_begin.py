"""The objects of a run are in its record."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from bulkq.engine.stop_control import Control
from bulkq.ledger import open_ledger
from bulkq.lifecycle import request_json
from bulkq.model import Target
from bulkq.model.maintenance import MaintainedObject
from bulkq.tasks.maintain import maintain
from bulkq.tasks.resume import resume
from tests.support.sqlite_files import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulkq.model import Run


async def recorded(ledger: str, run: str) -> list[list[str]]:
    """The names of the objects of each target, as a run has recorded them."""
    stored = await open_ledger(ledger, create=False)
    try:
        request, _ = request_json.from_json((await stored.find(run)).request)
    finally:
        await stored.close()
    assert request.maintenance is not None
    return [[one.name for one in part] for part in request.maintenance.objects]


async def test_a_resume_has_the_objects_of_the_start(tmp_path: Path, build: Callable[..., Run]) -> None:
    """Those of a target that was away are recorded by the resume that finds it."""
    made = build("analyze")
    away = Target(url=f"sqlite:///{tmp_path}/other.db")
    made = made.on((*made.targets.selected, away))
    summary = await maintain(made, control=Control())
    assert (summary.exit_code, summary.ok, summary.resume) == (3, 2, f"bulkq resume {summary.run}")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    assert await recorded(ledger, summary.run) == [["a", "b"], []]
    SqliteFile(tmp_path)("create table c (id int); create table d (id int)", "other.db")
    again = await resume(summary.run, ledger=ledger, changes={}, control=Control())
    assert (again.exit_code, again.ok) == (0, 4)
    assert await recorded(ledger, summary.run) == [["a", "b"], ["c", "d"]]
    assert replace(made.maintenance, objects=()) == made.maintenance  # type: ignore[type-var]


def test_every_object_is_read_as_it_was_recorded(build: Callable[..., Run]) -> None:
    """What most objects do not have is left out of the record; the long form of earlier versions is read, too."""
    made = build("analyze")
    assert made.maintenance is not None
    objects = (
        MaintainedObject("table", "s", "a", "s.a"),
        MaintainedObject("partitioned table", "s", "b", "s.b", last=True, proof="7"),
        MaintainedObject("materialized view", "s", "c", "s.c", after=("s.a", "s.b")),
    )
    kept = request_json.to_json(replace(made, maintenance=replace(made.maintenance, objects=(objects,))), "/")
    assert '"after": []' not in kept
    long = json.loads(kept)
    long["run"]["maintenance"]["objects"] = [[asdict(one) for one in objects]]
    for text in (kept, json.dumps(long)):
        request, _ = request_json.from_json(text)
        assert request.maintenance is not None
        assert request.maintenance.objects == (objects,)

"""Record a maintenance run with its objects, so that a resume does the others."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.ledger.recorder import Recorder
from bulkq.lifecycle.maintain.execute_object_command import MaintenanceCommand
from bulkq.lifecycle.maintain.object_group import ObjectGroup
from bulkq.lifecycle.maintain.object_sizes import MOST, SOON_S, ObjectSizes
from bulkq.lifecycle.maintain.prepare import options_of
from bulkq.lifecycle.maintain.started_record import StartedRecord
from bulkq.lifecycle.record import begin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model.maintenance import MaintainedObject


async def begin_maintenance(opened: OpenRun) -> RecordedRun:
    """Record the run before anything is sent.

    Raises:
        LedgerError: the run cannot be recorded.
    """
    options = options_of(opened)
    made_of = replace(options, objects=_objects(opened), leftovers=_leftovers(opened))
    request = replace(opened.request, maintenance=made_of)
    recorded = await begin(replace(opened, request=request))
    if opened.resume.record is not None and any(made.anew and made.objects for made in opened.maintained.values()):
        recorded = await _amended(recorded)
    for target in opened.targets:
        for part in target.parts:
            made = opened.maintained.get(part.spec.number)
            if made is not None:
                dialect = dialect_for(dialect_of(target.definition.url))
                record = made.record = StartedRecord(part, recorded.ledger)
                sizes = ObjectSizes(made, options, partial(_following, part, made), last=options.command == "analyze")
                group = ObjectGroup(part, made, options, record, sizes, partial(_cancelled, opened))
                part.command = MaintenanceCommand(part, made, options, dialect, record, sizes, opened.say, group)
    return recorded


def _cancelled(opened: OpenRun) -> bool:
    return opened.job.control.cancelled


def _following(part: PartState, made: TargetObjects) -> Iterator[MaintainedObject]:
    """The objects that begin next."""
    assert part.objects is not None
    assert made.record is not None
    return map(part.objects.object, made.record.following(SOON_S, MOST))


def _objects(opened: OpenRun) -> tuple[tuple[MaintainedObject, ...], ...]:
    """The objects of each part, in their order: of this process, or of an earlier one for a target that is away now."""
    then = options_of(opened).objects
    found: list[tuple[MaintainedObject, ...]] = []
    for part in opened.parts:
        at = part.spec.number - 1
        made = opened.maintained.get(part.spec.number)
        found.append(made.objects if made is not None else then[at] if at < len(then) else ())
    return tuple(found)


def _leftovers(opened: OpenRun) -> tuple[tuple[str, ...], ...]:
    """What was left behind on each target before the run: as this process sees it, or as an earlier one has recorded it."""
    then = options_of(opened).leftovers
    found: list[tuple[str, ...]] = []
    for part in opened.parts:
        at = part.spec.number - 1
        made = opened.maintained.get(part.spec.number)
        seen = tuple(one.drop for one in made.before) if made is not None else ()
        found.append(then[at] if at < len(then) and (made is None or not made.anew) else seen)
    return tuple(found)


async def _amended(recorded: RecordedRun) -> RecordedRun:
    """Record the objects of targets that were away when the run began: their numbers must not change any more."""
    assert recorded.record is not None
    assert isinstance(recorded.ledger, Recorder), "a run with a record has a ledger that keeps it"
    kept = json.loads(recorded.record.request)
    options = options_of(recorded.opened)
    kept["run"]["maintenance"] = asdict(options)
    record = replace(recorded.record, request=json.dumps(kept))
    await recorded.ledger.amend(record.request)
    return replace(recorded, record=record)

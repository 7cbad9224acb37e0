"""A run that is open: its targets, sources and outputs, before anything is sent."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.throttles import RunThrottles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.backfill.patient_cutter import PatientCutter
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.lifecycle.command_steps import RunJob
    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.part_sources import Sources
    from bulkq.lifecycle.resume_state import ResumeState
    from bulkq.model import Run
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Observer, Throttle
    from bulkq.sinks.failures_file import FailureFile
    from bulkq.transforms import ProcessPool


@frozen(kw_only=True)
class OpenRun:
    """A run with its open targets, sources and outputs. What changes as it goes on is in them, in the parts and the progress."""

    job: RunJob
    request: Run
    run: str
    mode: str
    targets: list[OpenTarget]
    progress: Progress
    parts: list[PartState]
    labels: list[str]
    """Names of the request's targets in output, in their order."""
    outputs: tuple[PartState, ...]
    """For each output, the first part that writes to it."""
    failure_file: FailureFile | None
    observers: Sequence[Observer]
    """The observers of the job, and the `--failures` file."""
    sources: Sources
    resume: ResumeState
    several: bool
    """Whether the run has more than one target."""
    same_sets: bool
    """Whether a query has the same sets on every target."""
    checked: set[tuple[object, ...]] = field(default_factory=set)
    """The queries and parameter types for which a whole file was checked."""
    warned: set[str] = field(default_factory=set)
    """Warnings that were shown, so that several targets show a warning once."""
    throttle: Throttle | None = None
    throttles: RunThrottles = field(default_factory=RunThrottles)
    processes: ProcessPool | None = None
    """Of a backfill whose logic is a Python function: where it runs."""
    backfills: dict[int, TableBackfill] = field(default_factory=dict)
    """Of a backfill: its tables, by the number of the part."""
    maintained: dict[int, TargetObjects] = field(default_factory=dict)
    """Of maintenance: the objects of its targets, by the number of the part."""
    cutters: list[PatientCutter] = field(default_factory=list)
    """Those that are connected, which are closed if the run does not begin."""

    def say(self, text: str) -> None:
        """Show `text` to the user, through the observers."""
        self.job.say(text)

    def say_once(self, text: str) -> None:
        """Show `text` to the user, unless it was shown: several targets, or a look that begins again, say the same."""
        if text not in self.warned:
            self.warned.add(text)
            self.say(text)

    def discard(self) -> None:
        """Close the outputs and undo their opening. Remove the spools if the run is not recorded."""
        for part in self.outputs:
            part.sink.discard()
        if self.failure_file is not None:
            self.failure_file.discard()
        self.sources.discard()

"""Events of a run, as the ledger keeps them: changes, pauses, throttles, samples of the timeline."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


class EventKind(StrEnum):
    """What an event is about. A ledger of a newer version may hold others."""

    CHANGE = "change"  # a setting, by a person
    PAUSE = "pause"  # a person paused the run
    CONTINUE = "continue"  # and let it go on
    STOP = "stop"  # no further batch begins
    THROTTLE = "throttle"  # throttles hold the lanes
    RELEASE = "release"  # and hold them no longer
    WAITS = "waits"  # at the end of a process: how long each throttle held lanes
    OBJECTS = "objects"  # at the end of a process of maintenance: what became of each
    INCOMPLETE = "incomplete"  # what the verification of a backfill has found, and the next step
    WORKERS = "workers"  # at the end of a process: what its workers have done
    SAMPLE = "sample"  # numbers of the run at a moment


@frozen
class RunEvent:
    """One event of a run.

    Attributes:
        number: ascending in its run, over all of its processes.
        at: ISO 8601, UTC.
        kind: one of `EventKind`, or of a newer version.
        text: one line for people.
        by: `user@host` of the person who caused it; "" if the run did so by itself.
        data: the same for programs; what is in it depends on the kind.
    """

    number: int
    at: str
    kind: str
    text: str = ""
    by: str = ""
    data: Mapping[str, object] | None = None


@frozen
class SentCommand:
    """A command to a run that another process has put into the ledger.

    Attributes:
        number: ascending in its run.
        at: when it was sent: ISO 8601, UTC.
        by: `user@host` of the sender.
        request: JSON object.
    """

    number: int
    at: str
    by: str
    request: str

"""What throttles are told of the run that they hold."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.text.message_parts import first_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.model import Run, Target
    from bulkq.throttles.monitor_connection import MonitorConnection


def _ignore(_: str) -> None:
    """Show no notice."""


IN_PYTHON = "bulkq"
"""The application name of the connections of `bulkq.open`, which several runs share."""

READER = "/throttle"
"""Behind the application name of the run, in that of a connection which reads signals."""


@frozen(kw_only=True)
class ThrottleContext:
    """The run that throttles hold.

    Attributes:
        run: its id.
        name: what people call it.
        application_name: of the connections of its lanes.
        writes: it changes rows.
        table: of a backfill; "" if it is none.
        targets: label and definition of each database.
        replicas: targets that the configuration has under the name of a replica.
        every_s: seconds between two readings; None for the usual time.
        say: notices a line.
        commits: by label of a target, what is to be told of the seconds that each commit took; throttles add themselves.
        monitors: by label and URL of a database, the connection over which its signals are read.
    """

    run: str = ""
    name: str = ""
    application_name: str = IN_PYTHON
    writes: bool = False
    table: str = ""
    targets: Sequence[tuple[str, Target]] = ()
    replicas: Mapping[str, Target] = field(default_factory=dict)
    every_s: float | None = None
    say: Callable[[str], None] = _ignore
    commits: dict[str, list[Callable[[float], None]]] = field(default_factory=dict)
    monitors: dict[tuple[str, str], MonitorConnection] = field(default_factory=dict)

    @property
    def reader(self) -> str:
        """The application name of the connections which read signals."""
        return f"{self.application_name}{READER}"

    def monitor(self, label: str, target: Target) -> MonitorConnection:
        """Return the connection over which the signals of a database are read; the same for all of them."""
        key = label, target.url
        if key not in self.monitors:
            from bulkq.throttles.monitor_connection import MonitorConnection

            self.monitors[key] = MonitorConnection(target, self.reader)
        return self.monitors[key]

    def title(self, signal: str, label: str | None) -> str:
        """The name of a signal for people; with that of its target if there are several."""
        return f"{label}: {signal}" if label is not None and len(self.targets) > 1 else signal

    def recorder(self, label: str) -> Callable[[float], None] | None:
        """What is to be told of the seconds that a commit on a target took; None if no throttle asks for it."""
        recorders = self.commits.get(label, [])
        if len(recorders) < 2:
            return recorders[0] if recorders else None

        def record(took_s: float) -> None:
            for one in recorders:
                one(took_s)

        return record


def describe_run(
    request: Run,
    run: str,
    targets: Sequence[tuple[str, Target]],
    say: Callable[[str], None],
    *,
    in_python: bool = False,
) -> ThrottleContext:
    """What the throttles of a run are told.

    Args:
        request: of the run.
        run: its id.
        targets: label and definition of each database.
        say: notices a line.
        in_python: the connections are those of `bulkq.open`.
    """
    return ThrottleContext(
        run=run,
        name=request.queries.name or first_names([query.name for query in request.queries.selected], 3),
        application_name=IN_PYTHON if in_python else f"bulkq/{run}",
        writes=request.safety.write,
        table=request.backfill.over if request.backfill is not None else "",
        targets=targets,
        replicas={target.name: target for target in request.targets.replicas},
        every_s=request.limits.throttle_every_s,
        say=say,
    )

"""The state of an attempt that the event loop and the thread of a session share."""

from __future__ import annotations

from dataclasses import field

from bulkq.model.frozen_dataclass import mutable


@mutable
class AttemptState:
    """What the event loop and the thread know of an attempt under way; each attribute is written by one of them."""

    cancelled: bool = False  # the task that waited was cancelled
    expired: int | None = None  # the deadline of the set at this place has passed
    committing: bool = False  # from before a COMMIT looks for a cancellation to the end of the hop
    answers: list[object] = field(default_factory=list)  # of the sets so far: what runs now is at len(answers)
    timeout_s: float | None = None
    begun: bool = False  # the server has answered the first statement of its transaction

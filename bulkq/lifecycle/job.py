"""A job: a request, the state it starts from, its control and its observers. run, resume, retry and the Python API are jobs."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulkq.lifecycle.resume_state import ResumeState
from bulkq.model.dataclass import frozen

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from typing import BinaryIO

    from bulkq.engine.control import Control
    from bulkq.engine.pool import ConnectionPool
    from bulkq.model import Run
    from bulkq.protocols import Ledger, Observer, ParameterSource, Sink

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that looks like a digit."""


@dataclass(slots=True)
class CallerResources:
    """Source, sink and connections that the Python API passes in. A run with them has exactly one query."""

    source: ParameterSource
    sink: Sink
    sessions: ConnectionPool


@frozen
class Console:
    """The standard streams of the process."""

    stdout: BinaryIO | None = None
    stdin: BinaryIO | None = None
    terminal: bool = False


@frozen(kw_only=True)
class Job:
    """One run of this process.

    Attributes:
        request: what to do.
        run: the id of the run.
        ledger: where it is recorded; opened while the targets are connected to.
        control: stops the run from outside.
        observers: are notified of each batch.
        console: stdout for rows if no file is named, and stdin for `-p -`.
        given: source, sink and connections of the Python API.
        resume: what earlier processes or an earlier run have left.
    """

    request: Run
    run: str
    ledger: asyncio.Future[Ledger]
    control: Control
    observers: Sequence[Observer] = ()
    console: Console = field(default_factory=Console)
    given: CallerResources | None = None
    resume: ResumeState = field(default_factory=ResumeState)

    def say(self, text: str) -> None:
        """Show `text` to the user, through the observers."""
        for observer in self.observers:
            observer.notice(text)


def new_run_id(now_s: float | None = None) -> str:
    """Return ten characters: six of the time, so that ids sort by age (in seconds, for 34 years), and four random ones."""
    number = int(time.time() if now_s is None else now_s) % 32**6
    number = number * 32**4 + secrets.randbelow(32**4)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(45, -1, -5))

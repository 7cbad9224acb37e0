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
class Given:
    """What the Python API brings along instead of having it opened: all of it for exactly one query."""

    source: ParameterSource
    sink: Sink
    sessions: ConnectionPool


@frozen
class Console:
    """The streams of the process that called."""

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
        observers: are told what happens, per batch.
        console: where rows go if no file is named, and what `-p -` reads.
        given: source, sink and connections of the Python API.
        resume: what earlier processes or an earlier run have left.
    """

    request: Run
    run: str
    ledger: asyncio.Future[Ledger]
    control: Control
    observers: Sequence[Observer] = ()
    console: Console = field(default_factory=Console)
    given: Given | None = None
    resume: ResumeState = field(default_factory=ResumeState)

    def say(self, text: str) -> None:
        """Tell people, through the observers."""
        for observer in self.observers:
            observer.notice(text)


def new_run_id(now_s: float | None = None) -> str:
    """Ten characters: six of time, so that ids sort by age (per second, for 34 years), four of chance."""
    number = int(time.time() if now_s is None else now_s) % 32**6
    number = number * 32**4 + secrets.randbelow(32**4)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(45, -1, -5))

"""Places at which a process of bulkq can be made to die, by wrapping what production code is made of.

Production has no failpoints and knows nothing of them: a method is found by its name and wrapped in the process that is to
die. `tests/crash/test_failpoints.py` fails when a name is gone.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OFTEN = (1, 2, 10)
BOTH = ("postgresql", "sqlite")
POSTGRES = ("postgresql",)
SQLITE = ("sqlite",)


@dataclass(frozen=True, slots=True)
class Failpoint:
    """One place.

    Attributes:
        where: `module:name` or `module:Class.method` of what is wrapped.
        when: `before` or `after` the call; `sent`: after the first step of a coroutine, when its message is on its way.
        task: what passes it: `write`, `slow` (the same, slower, with a commit of the ledger for each batch), `read` (to a file), `spool` (a write of sets from a pipe, which is complete).
        resuming: only a resume passes it.
        fresh: only a run without a ledger passes it.
        passages: at which it can be hit; what a process does once has only the first.
        text: counts only calls of which an argument holds this.
    """

    name: str
    where: str
    when: str = "before"
    task: str = "write"
    kinds: tuple[str, ...] = BOTH
    resuming: bool = False
    fresh: bool = False
    passages: tuple[int, ...] = (1,)
    text: str = ""


def _around(name: str, where: str, **more: object) -> tuple[Failpoint, Failpoint]:
    """Before and after the same call."""
    return tuple(Failpoint(f"{when}-{name}", where, when, **more) for when in ("before", "after"))  # type: ignore[arg-type,return-value]


_PG = "bulkq.drivers.asyncpg"
_ADMINISTER = {
    "postgresql": f"{_PG}.connection:AsyncpgConnection.administer",
    "sqlite": "bulkq.drivers.sqlite.connection:SqliteConnection.administer",
}


def _administering(name: str, text: str, **more: object) -> list[Failpoint]:
    """Before and after our own statements that hold `text`, in both drivers."""
    return [
        point
        for kind, where in _ADMINISTER.items()
        for point in _around(f"{name}-in-{kind}", where, kinds=(kind,), text=text, **more)
    ]


FAILPOINTS = (
    # the ledger comes into being
    *_around("ledger-made", "bulkq.ledger.file_create:_create", fresh=True),
    *_around("ledger-linked", "bulkq.ledger.file_create:_link", fresh=True),
    *_around("ledger-tables", "bulkq.ledger.file_create:make_tables", fresh=True),
    *_around("ledger-durable", "bulkq.ledger.file_create:finish", fresh=True),
    *_around("ledger-opened", "bulkq.ledger.sqlite3_row_writer:find_ready_file", fresh=True),
    # the target is reached
    *_around("connect-postgresql", f"{_PG}.driver:AsyncpgDriver.connect", kinds=POSTGRES),
    *_around("connect-sqlite", "bulkq.drivers.sqlite.driver:SqliteDriver.connect", kinds=SQLITE),
    *_around("prepare-postgresql", f"{_PG}.connection:AsyncpgConnection.prepare", kinds=POSTGRES, passages=OFTEN),
    *_around(
        "prepare-sqlite", "bulkq.drivers.sqlite.connection:SqliteConnection.prepare", kinds=SQLITE, passages=OFTEN
    ),
    # the run begins: run row in the target, request in the ledger
    *_around("ledger-begin", "bulkq.ledger.recorder:Recorder._begin"),
    *_around("ledger-rows", "bulkq.ledger.sqlite3_row_writer:put_rows"),
    *_administering("marker-tables", "CREATE TABLE"),
    *_administering("run-row", "INSERT INTO"),
    # a batch in PostgreSQL
    *_around("claim-postgresql", f"{_PG}.attempt:Attempt._take", kinds=POSTGRES, passages=OFTEN),
    *_around("batch-postgresql", f"{_PG}.attempt:Attempt._batch", kinds=POSTGRES, passages=OFTEN),
    Failpoint("commit-sent", f"{_PG}.attempt:commit", "sent", kinds=POSTGRES, passages=OFTEN),
    Failpoint("own-commit-sent", f"{_PG}.execute_own_statements:commit", "sent", kinds=POSTGRES, passages=(1, 2, 3)),
    *_around("commit-postgresql", f"{_PG}.attempt:commit", kinds=POSTGRES, passages=OFTEN),
    # a batch in SQLite
    *_around("claim-sqlite", "bulkq.drivers.sqlite.blocking_session:insert_marker", kinds=SQLITE, passages=OFTEN),
    *_around(
        "batch-sqlite", "bulkq.drivers.sqlite.blocking_session:SqliteSession._applied", kinds=SQLITE, passages=OFTEN
    ),
    *_around("commit-sqlite", "bulkq.drivers.sqlite.transaction:Handle.commit", kinds=SQLITE, passages=OFTEN),
    # its way to output and ledger
    *_around("deliver", "bulkq.engine.delivery.base:Window.deliver", passages=OFTEN),
    *_around("mark", "bulkq.ledger.recorder:Recorder.mark", passages=OFTEN),
    *_around("group-commit", "bulkq.ledger.recorder:Recorder._write_group", task="slow", passages=OFTEN),
    *_around("ledger-direct", "bulkq.ledger.sqlite3_row_writer:DirectRows._commit", task="slow", passages=(5,)),
    # the end
    *_around("finish", "bulkq.ledger.recorder:Recorder._finish"),
    *_administering("removal", "DELETE"),
    *_around("cleared", "bulkq.lifecycle.record:RecordedRun._clear"),
    *_around("ledger-closed", "bulkq.ledger.recorder:Recorder._close"),
    # taking over
    *_around("take-over", "bulkq.ledger.store:StoredLedger._take_over", resuming=True),
    *_administering("new-owner", "UPDATE", resuming=True),
    *_administering("markers-read", "SELECT part", resuming=True),
    # output of a read
    *_around("output-fsync", "bulkq.sinks.file_output:FileOutput._sync", task="read", passages=(1, 2, 5)),
    *_around("output-renamed", "bulkq.sinks.file_output:FileOutput._rename", task="read"),
    *_around("output-opened", "bulkq.sinks.file_output:FileOutput.__init__", task="read"),
    *_around("output-cut-back", "bulkq.sinks.file_output:go_on", task="read", resuming=True),
    *_around("read-finish", "bulkq.ledger.recorder:Recorder._finish", task="read"),
    # a spool
    *_around("spool-made", "bulkq.sources.spool:_create", task="spool"),
    Failpoint("before-spool-fsync", "bulkq.sources.spool:_write", task="spool"),
    Failpoint("after-spool-fsync", "bulkq.sources.spool:_write", "after", task="spool", passages=(1, 2)),
    *_around("spool-opened", "bulkq.sources.spool:open_spool", task="spool", resuming=True),
    *_around("spool-cleared", "bulkq.lifecycle.record:RecordedRun._clear", task="spool"),
)

BACKFILL_FAILPOINTS = (
    # the end of the key space is recorded in the target
    *_around("ranges-begin", "bulkq.lifecycle.backfill.begin:_begin_part"),
    # a range that failed: cut in two, or recorded in the target and then in the ledger
    *_around("split", "bulkq.sources.key_range_source:RangeSource.split"),
    *_around("failed-range", "bulkq.lifecycle.backfill.begin:_insert"),
    # the end
    *_around("verify", "bulkq.lifecycle.backfill.verify:_left_in"),
)

BY_NAME = {point.name: point for point in (*FAILPOINTS, *BACKFILL_FAILPOINTS)}


def owner_of(where: str) -> tuple[object, str]:
    """The module or class that has what `where` names, and its name there.

    Raises:
        AttributeError: there is no such thing any more.
    """
    module, _, path = where.partition(":")
    *parents, name = path.split(".")
    holder: object = import_module(module)
    for parent in parents:
        holder = getattr(holder, parent)
    getattr(holder, name)
    return holder, name


def arm(point: Failpoint, passage: int) -> None:
    """Let this process die by SIGKILL when it passes `point` for the `passage`-th time."""
    if point.task == "slow":
        _commit_at_each_cut()
    holder, name = owner_of(point.where)
    left = passage

    def pass_by(arguments: tuple[object, ...]) -> bool:
        nonlocal left
        if point.text and not any(point.text in _text(argument) for argument in arguments):
            return False
        left -= 1
        return left == 0

    setattr(holder, name, _wrapped(getattr(holder, name), point.when, pass_by))


def _commit_at_each_cut() -> None:
    """Let the ledger commit before each batch is cut: then the tenth commit comes on a machine of any speed."""
    recorder, mark = owner_of("bulkq.ledger.recorder:Recorder.mark")
    lanes, take = owner_of("bulkq.engine.target_lanes:LaneGroup._take")
    marking, taking = getattr(recorder, mark), getattr(lanes, take)
    recorders: list[object] = []

    def marked(self: object, *arguments: object) -> None:
        recorders[:] = [self]
        marking(self, *arguments)

    async def taken(self: object, *arguments: object) -> object:
        for one in recorders:
            await one.sync()  # type: ignore[attr-defined]
        return await taking(self, *arguments)

    setattr(recorder, mark, marked)
    setattr(lanes, take, taken)


def _text(argument: object) -> str:
    if isinstance(argument, str):
        return argument
    return "\n".join(map(str, argument)) if isinstance(argument, (list, tuple)) else ""


def die() -> None:
    """At once, without a chance to clean up."""
    os.kill(os.getpid(), signal.SIGKILL)


def _wrapped(
    original: Callable[..., object], when: str, pass_by: Callable[[tuple[object, ...]], bool]
) -> Callable[..., object]:
    if inspect.iscoroutinefunction(original):
        return _wrapped_coroutine(original, when, pass_by)

    @wraps(original)
    def call(*arguments: object, **named: object) -> object:
        hit = pass_by(arguments)
        if hit and when == "before":
            die()
        result = original(*arguments, **named)
        if hit:
            die()
        return result

    return call


def _wrapped_coroutine(
    original: Callable[..., object], when: str, pass_by: Callable[[tuple[object, ...]], bool]
) -> Callable[..., object]:
    @wraps(original)
    async def call(*arguments: object, **named: object) -> object:
        hit = pass_by(arguments)
        if hit and when == "before":
            die()
        if hit and when == "sent":
            under_way = asyncio.ensure_future(original(*arguments, **named))  # type: ignore[call-overload]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not under_way.done()
            die()
        result = await original(*arguments, **named)  # type: ignore[misc]
        if hit:
            die()
        return result

    return call

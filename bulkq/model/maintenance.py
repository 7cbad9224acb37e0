"""Maintenance: what is done to which objects of a database, and what came of each."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class MaintainedObject:
    """One object of a database. Names are not quoted.

    Attributes:
        kind: `table`, `partitioned table`, `index`, `materialized view` or `database`.
        schema: "" if the database has no schemas, or the object is the database.
        name: of the object.
        table: the table that it belongs to, with its schema; the object itself if it is no index. No two lanes work on one table.
        last: it is done when all others have ended.
        proof: a text of the catalog when the run began, which differs when the object was done; "" if nothing shows it.
        after: names, as they are shown, of all objects that have to end before this one begins, if they are in the run.
    """

    kind: str
    schema: str
    name: str
    table: str = ""
    last: bool = False
    proof: str = ""
    after: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The name as messages show it: `public.users`."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@frozen
class ObjectFacts:
    """What the catalog says of an object.

    Attributes:
        object: its name.
        values: numbers by column of `--select`; None if a number is not known. Sizes are in bytes, times in seconds since. A
            column with `%` is a share of 100.
        missing: why the role may not do it, with the statement that would permit it; "" if it may.
        proof: a text that differs when the command was done; None if nothing in the catalog shows it.
        locked: the session that holds a lock which the command would wait for; "" if there is none.
        note: what a user should know of it; "" if nothing.
        parents: the partitioned tables that its table belongs to, with their schemas.
    """

    object: MaintainedObject
    values: Mapping[str, float | None] = field(default_factory=dict)
    missing: str = ""
    proof: str | None = None
    locked: str = ""
    note: str = ""
    parents: tuple[str, ...] = ()


@frozen
class Notice:
    """A message that a server sent beside the answer of a statement.

    Attributes:
        severity: `WARNING`, `NOTICE`, `INFO` ...
        sqlstate: five characters; "" if the server has none.
        message: in the words of the server.
    """

    severity: str
    sqlstate: str
    message: str


@frozen
class CommandReply:
    """The answer to one command outside a transaction: its rows, and the messages beside them."""

    rows: tuple[tuple[object, ...], ...] = ()
    notices: tuple[Notice, ...] = ()


GONE = "it is gone: another session has dropped or renamed it since the run began"
NOT_MOVED = "the server reported success, but its catalog shows that nothing was done: the lock was probably not free"
NOT_WHOLE = "only a part of it was done: the lock of its TOAST table was probably not free"
NOT_ALL = "the server reported a warning for this or another table of the same command: "
STILL_INVALID = ": the index is still there, and invalid now"
NO_SUPPORT = ": leave the table out with --exclude"

RESET = "the statistics of the server were reset while the command ran, so that they do not show whether it was done"

OWN_TEXTS = (GONE, NOT_MOVED, NOT_WHOLE, RESET, NOT_ALL, STILL_INVALID, NO_SUPPORT)
"""Reasons of bulkq: whole ones, beginnings that end with a colon, and ends that begin with one. They hold no values."""


class ObjectState(StrEnum):
    """What became of an object."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    GONE = "gone"  # nothing is left to do


@frozen(kw_only=True)
class ObjectResult:
    """What became of an object in this process, for reports.

    Attributes:
        target: its label.
        name: of the object, with its schema.
        state: how it ended.
        reason: why it was not done; "" if it was.
        elapsed_s: seconds of its command.
        before: bytes before; None if not known.
        after: bytes after; None if not known.
    """

    target: str
    name: str
    state: ObjectState
    reason: str = ""
    elapsed_s: float = 0.0
    before: float | None = None
    after: float | None = None


@frozen(kw_only=True)
class MaintenanceOptions:
    """What is done, and to which objects. The command is the only query of the run.

    Attributes:
        command: `vacuum`, `analyze`, `reindex` ...
        select: an expression over the columns of objects, as typed; "" for all objects.
        order: `urgency`, or a column: the greatest first.
        tables: names or patterns of objects or their tables; () for all.
        schemas: names or patterns of schemas; () for all.
        exclude: names or patterns of objects, tables or schemas that are left out.
        skip_locked: an object whose lock is not free at once is skipped.
        after_lock_tries: `skip` or `fail`, when the lock was not granted in all tries.
        concurrently: indexes and materialized views are rebuilt without blocking others, where that is possible.
        full: VACUUM writes the whole table anew.
        analyze: VACUUM also analyzes.
        parallel: workers for the indexes of one table; None for what the server decides.
        buffer_usage_limit: of VACUUM and ANALYZE, as the server takes it; "" for its default.
        repair: of `indexes`: mend what was found.
        objects: on each target, the objects of the run in their order; () before they were listed.
        leftovers: on each target, the statements that remove what earlier rebuilds had left behind when the run began. What is there
            later, on a table of the run, is of the run.
    """

    command: str
    select: str = ""
    order: str = "urgency"
    tables: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    skip_locked: bool = False
    after_lock_tries: str = "skip"
    concurrently: bool = True
    full: bool = False
    analyze: bool = False
    parallel: int | None = None
    buffer_usage_limit: str = ""
    repair: bool = False
    objects: tuple[tuple[MaintainedObject, ...], ...] = ()
    leftovers: tuple[tuple[str, ...], ...] = ()

"""How a database lists its objects for maintenance, what it is told to do with each, and what proves that it was done. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from bulkq.model.frozen_dataclass import frozen
from bulkq.model.maintenance import MaintainedObject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.dialects.row_key_catalog import Rows
    from bulkq.model.maintenance import CommandReply, MaintenanceOptions, ObjectFacts


@frozen(kw_only=True)
class ServerFacts:
    """What decides about the texts of statements.

    Attributes:
        version: as a number, `Server.version_number`.
        product: `Server.product`.
        role: that the sessions have.
    """

    version: int = 0
    product: str = ""
    role: str = ""


@frozen
class Leftover:
    """An index that a rebuild has left behind, or another one that needs a person.

    Attributes:
        schema: of the index.
        name: of the index.
        table: that it belongs to, with its schema.
        done: the rebuild was done, and this is the old index.
        drop: the statement that removes it.
        missing: why the role may not; "" if it may.
        why: what it is, for people.
    """

    schema: str
    name: str
    table: str
    done: bool
    drop: str
    missing: str = ""
    why: str = ""


def database_object(name: str) -> MaintainedObject:
    """A database as the only object of a command. Nothing else of it is done at the same time."""
    return MaintainedObject("database", "", name, name)


class SizeForm(StrEnum):
    """How the list of objects knows their sizes."""

    EXACT = "exact"  # of all files; waits for locks
    ROUGH = "rough"  # estimates where the catalog permits it, else exact
    ESTIMATED = "estimated"  # without a lock


class ObjectQuery(Protocol):
    """Makes the query for the objects of a command."""

    def __call__(self, options: MaintenanceOptions, server: ServerFacts, *, bloat: bool, sizes: SizeForm) -> str:
        """Return the text; `bloat` asks for an estimate of it."""


def _no_statements(options: MaintenanceOptions, server: ServerFacts) -> tuple[str, ...]:  # noqa: ARG001
    return ()


def _no_statement(options: MaintenanceOptions, objects: Sequence[MaintainedObject], server: ServerFacts) -> str:  # noqa: ARG001
    return ""


def _no_proofs(options: MaintenanceOptions, objects: Sequence[MaintainedObject]) -> str:  # noqa: ARG001
    return ""


def _no_proof(options: MaintenanceOptions, wanted: MaintainedObject) -> str:  # noqa: ARG001
    return ""


def _no_faults(options: MaintenanceOptions, rows: Rows, server: ServerFacts) -> str:  # noqa: ARG001
    return ""


@frozen(kw_only=True)
class MaintenanceCatalog:
    """Maintenance of a database.

    Attributes:
        commands: that it has, with one line about each.
        objects: the query for the objects of a command.
        read: options, server and answer -> the objects.
        statement: the text of the command for one object.
        together: options and server -> how many objects one command can have, each in a transaction of its own.
        in_one_transaction: options -> how many small objects one transaction can have: all of them are done, or none.
        statement_of_all: the text of the command for several objects.
        prove_all: a query with schema, name and proof of several objects, and whether the command has ended for an object that moved;
            "" if there is none.
        sizes: a query with the position, from 1, the bytes and the proof of several objects; NULL for one that is gone.
        late: options -> whether the end of the command does not wait for the disk, so that a crash of the server takes its work away.
        lasting: statements in a transaction whose commit writes to disk all that the commands before it did.
        present: a query with a row if an object is there, whether the command applies to it or not; "" if the list of all says it.
        judge: the answer to a command -> why it was not done; "" if nothing speaks against it.
        of_server: commands that work on the whole server, whatever database they are sent to.
        settings: fields of `MaintenanceOptions` that change a command of this database. Others are refused if they are given.
        failed: options and answer -> whether what `judge` has found is a failure, and not something to try again another night.
        prove: a query with the proof of one object, see `ObjectFacts.proof`, its size in bytes, of a table without its indexes, and
            whether the command has ended if it moved; "" if there is none.
        moved: the proof before and the proof now -> whether the object was done; None if they cannot tell.
        identity: a proof -> what stays the same when its object gets another name; "" if nothing does.
        may_be_silent: whether a command may do nothing without a message, so that the proof of each object is asked for. Otherwise it is
            asked for once, for all objects, at the end.
        at_end: statements behind all objects of a target.
        limits: a query about the server, whose answer `refuse` reads; "" if there is nothing to ask.
        refuse: options, answer and server -> why the options do not fit the server; "" if they do.
        leftovers: a query for what a rebuild of the table `{table}` (a literal, with its schema; NULL: any table) has left behind; "" if
            it leaves nothing.
        read_leftovers: the answer and the server -> what was found.
        read_invalid: the same answer -> invalid indexes that are not leftovers. A rebuild of all valid ones leaves them out.
        needs_notices: the truth about a command is in the messages beside its answer, so the library must give them.
        sessions: a query for the sessions of `{application}`, a literal, beside the one that asks: rows of a number; "" if it cannot say.
        progress: a query for what the commands of `{application}`, a literal, do now: rows of the object, and a text; "" if there is none.
    """

    commands: Mapping[str, str]
    objects: ObjectQuery
    read: Callable[[MaintenanceOptions, ServerFacts, Rows], Sequence[ObjectFacts]]
    statement: Callable[[MaintenanceOptions, MaintainedObject, ServerFacts], str]
    judge: Callable[[MaintenanceOptions, ObjectFacts, CommandReply], str]
    of_server: frozenset[str] = frozenset()
    settings: frozenset[str] = frozenset()
    failed: Callable[[MaintenanceOptions, CommandReply], bool] = lambda options, reply: False  # noqa: ARG005
    together: Callable[[MaintenanceOptions, ServerFacts], int] = lambda options, server: 1  # noqa: ARG005
    in_one_transaction: Callable[[MaintenanceOptions], int] = lambda options: 1  # noqa: ARG005
    statement_of_all: Callable[[MaintenanceOptions, Sequence[MaintainedObject], ServerFacts], str] = _no_statement
    prove: Callable[[MaintenanceOptions, MaintainedObject], str] = _no_proof
    moved: Callable[[str, str], bool | None] = lambda then, now: then != now
    identity: Callable[[str], str] = lambda proof: ""  # noqa: ARG005
    prove_all: Callable[[MaintenanceOptions, Sequence[MaintainedObject]], str] = _no_proofs
    sizes: Callable[[MaintenanceOptions, Sequence[MaintainedObject]], str] = _no_proofs
    late: Callable[[MaintenanceOptions], bool] = lambda options: False  # noqa: ARG005
    lasting: tuple[str, ...] = ()
    present: Callable[[MaintainedObject], str] = lambda wanted: ""  # noqa: ARG005
    may_be_silent: Callable[[MaintenanceOptions], bool] = lambda options: True  # noqa: ARG005
    at_end: Callable[[MaintenanceOptions, ServerFacts], tuple[str, ...]] = _no_statements
    limits: str = ""
    refuse: Callable[[MaintenanceOptions, Rows, ServerFacts], str] = _no_faults
    leftovers: str = ""
    read_leftovers: Callable[[Rows, ServerFacts], tuple[Leftover, ...]] = lambda rows, server: ()  # noqa: ARG005
    read_invalid: Callable[[Rows], tuple[ObjectFacts, ...]] = lambda rows: ()  # noqa: ARG005
    needs_notices: bool = False
    sessions: str = ""
    progress: str = ""

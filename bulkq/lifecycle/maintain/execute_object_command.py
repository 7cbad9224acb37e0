"""Execute the command for one object and find out what came of it: from the messages of the server, and from its catalog."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from bulkq.dialects.sqlstates import DEADLOCK, LOCK_NOT_AVAILABLE, TRANSACTION_TIMEOUT
from bulkq.errors import BulkqError, DatabaseError, ObjectsApart, ObjectSkipped
from bulkq.lifecycle.maintain.ask_despite_stop import ask_despite_stop
from bulkq.lifecycle.maintain.gone_objects import is_gone
from bulkq.lifecycle.maintain.leftover_indexes import new_leftovers, remove
from bulkq.lifecycle.maintain.started_record import STOPPED
from bulkq.lifecycle.maintain.target_objects import able
from bulkq.model import Phase, Reply
from bulkq.model.maintenance import (
    GONE,
    NOT_MOVED,
    NOT_WHOLE,
    RESET,
    STILL_INVALID,
    ObjectFacts,
    ObjectResult,
    ObjectState,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bulkq.dialects.base import Dialect
    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.maintain.object_group import ObjectGroup
    from bulkq.lifecycle.maintain.object_sizes import ObjectSizes
    from bulkq.lifecycle.maintain.started_record import StartedRecord
    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.model import Batch
    from bulkq.model.maintenance import CommandReply, MaintainedObject, MaintenanceOptions
    from bulkq.protocols import Connection

T = TypeVar("T")

REBUILDS = frozenset({"reindex", "indexes"})
"""Commands that an error may end after their work was done."""

MOVES_S = (0.0, 0.3, 0.7)
"""Waits before looks at the proof. Before version 15, statistics arrive up to half a second late."""


class MaintenanceCommand:
    """Implements `bulkq.engine.part_state.ObjectCommand`.

    Args:
        part: of the target.
        made: its objects.
        options: of the run.
        dialect: of the database.
        record: knows which objects were begun.
        sizes: asks for the sizes of objects.
        say: shows a line to the user.
        group: executes the command for several objects.
    """

    def __init__(
        self,
        part: PartState,
        made: TargetObjects,
        options: MaintenanceOptions,
        dialect: Dialect,
        record: StartedRecord,
        sizes: ObjectSizes,
        say: Callable[[str], None],
        group: ObjectGroup,
    ) -> None:
        self._part = part
        self._made = made
        self._options = options
        self._dialect = dialect
        self._record = record
        self._sizes = sizes
        self._say = say
        self._group = group
        self._single: set[int] = set()  # numbers of objects that are left of a group

    async def execute(self, connection: Connection, batch: Batch, pause: Callable[[int], Awaitable[None]]) -> Reply:
        """Execute the command for the objects of `batch`; see `ObjectCommand.execute`."""
        if len(batch.sets) > 1:
            try:
                return await self._group.execute(connection, batch)
            except ObjectsApart as apart:
                self._single.update(batch.first + at for at in apart.left)
                raise
        return await self._execute_one(connection, batch, pause)

    async def _execute_one(
        self, connection: Connection, batch: Batch, pause: Callable[[int], Awaitable[None]]
    ) -> Reply:
        assert self._part.objects is not None
        wanted = self._part.objects.object(batch.first)
        facts = self._made.facts(wanted) or ObjectFacts(wanted)
        began_s = time.monotonic()
        before = after = None
        state: ObjectState | None = ObjectState.FAILED
        reason = ""
        try:
            if await self._is_settled(connection, batch, wanted):
                state = ObjectState.GONE
                return Reply((), (), ())
            [before] = await self._sizes.before(connection, [facts])
            after = await self._execute(connection, batch, facts, pause)
            if after is None:
                after = await self._ask(partial(self._sizes.after, connection, facts, before))
            state = ObjectState.DONE
        except ObjectSkipped as error:
            state, reason = ObjectState.SKIPPED, str(error)
            raise
        except DatabaseError as error:
            state, reason = ObjectState.FAILED if error.undone else ObjectState.UNKNOWN, str(error)
            raise
        except asyncio.CancelledError:
            state, reason = ObjectState.SKIPPED, STOPPED
            raise
        finally:
            elapsed_s = time.monotonic() - began_s
            self._record.end(elapsed_s)
            if state is not None:
                target, name = self._part.spec.target, wanted.shown
                self._made.results.append(
                    ObjectResult(
                        target=target,
                        name=name,
                        state=state,
                        reason=reason,
                        elapsed_s=elapsed_s,
                        before=before,
                        after=after,
                    )
                )
        return Reply((), (), ())

    async def _execute(
        self,
        connection: Connection,
        batch: Batch,
        facts: ObjectFacts,
        pause: Callable[[int], Awaitable[None]],
    ) -> float | None:
        """Execute the command, with as many tries for its lock as there are. Return the size of the object in bytes, if it is known."""
        if facts.missing:
            self._record.leave_out(batch)
            raise ObjectSkipped(facts.missing, own=True)
        single = batch.first in self._single
        self._group.go_on(single=single)
        await self._record.begin(batch)
        tries, limits = self._part.spec.retries + 1, self._part.spec.limits
        sql = self._made.catalog.statement(self._options, facts.object, self._made.server)
        for number in range(1, tries + 1):
            try:
                reply = await able(connection).command(
                    sql, timeout_s=limits.timeout_s, lock_timeout_s=limits.lock_timeout_s
                )
            except DatabaseError as error:
                if await self._ask(partial(self._was_done, connection, facts, error)):
                    return None
                if not self._waits(error):
                    raise await self._explained(connection, facts.object, error) from error
                if number == tries:
                    raise self._given_up(error, tries, sql) from error
            except asyncio.CancelledError as cancelled:
                if single and self._group.stopped() and not cancelled.args:
                    raise ObjectSkipped(STOPPED) from cancelled  # what came of the others of its group is kept
                self._record.stop(batch)
                raise
            else:
                return await self._ask(partial(self._proved, connection, facts, reply))
            await pause(number)
        raise AssertionError  # the loop returns or raises

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        return await ask_despite_stop(question, self._group.stopped)

    async def _is_settled(self, connection: Connection, batch: Batch, wanted: MaintainedObject) -> bool:
        """Whether an object of an earlier process is gone, so that nothing is left to do."""
        taken = batch.first in self._made.taken
        if not taken and (self._made.anew or self._made.facts(wanted) is not None):
            return False
        if not taken and not await is_gone(connection, self._made.catalog, self._made.server, self._options, wanted):
            return False
        self._record.leave_out(batch)
        return True

    async def _explained(self, connection: Connection, wanted: MaintainedObject, error: DatabaseError) -> DatabaseError:
        """The error of a command; if its object is gone, one that says so."""
        try:
            if not await is_gone(connection, self._made.catalog, self._made.server, self._options, wanted):
                return error
        except BulkqError:
            return error  # the next command sees what is wrong with the session
        gone = DatabaseError(GONE, sqlstate=error.sqlstate, phase=error.phase)
        gone.undone = True
        return gone

    def _waits(self, error: DatabaseError) -> bool:
        """Whether the command did not get its lock, and may be tried again."""
        return error.sqlstate in {LOCK_NOT_AVAILABLE, DEADLOCK} or error.sqlstate in self._dialect.locked

    def _given_up(self, error: DatabaseError, tries: int, sql: str) -> Exception:
        why = f"{error} in {tries} tries" if tries > 1 else str(error)
        if sql.startswith("DROP "):
            why += STILL_INVALID
        if self._options.after_lock_tries == "skip":
            return ObjectSkipped(why)
        failed = DatabaseError(why, sqlstate=error.sqlstate, phase=Phase.COMMITTING)
        failed.undone = True
        return failed

    async def _was_done(self, connection: Connection, facts: ObjectFacts, error: DatabaseError) -> bool:
        """Whether the command has done its work before it failed. If it has not, `error` says that nothing lasts.

        Raises:
            DatabaseError: nothing is known, because the session was lost.
        """
        ended = error.sqlstate == TRANSACTION_TIMEOUT and self._options.command not in REBUILDS
        if not ended and (error.connection_lost or not error.confirmed or error.abandoned):
            raise error
        error.undone = True  # also where the server says that it has ended the command with the session
        if self._options.command not in REBUILDS or not self._made.catalog.leftovers:
            return False
        proof, _, _ = await self._look(connection, facts.object)
        done = facts.proof is not None and proof is not None and proof != facts.proof
        found = await new_leftovers(connection, self._made, self._dialect, facts.object.table)
        stay = await remove(connection, self._made, found, self._part.spec.limits.lock_timeout_s)
        if done:
            self._say(
                f"{facts.object.shown}: rebuilt, although it ended with: {error}"
                + (f"; its old index stays: {'; '.join(one.drop for one in stay)}" if stay else "")
            )
        return done

    async def _proved(self, connection: Connection, facts: ObjectFacts, reply: CommandReply) -> float | None:
        """Read the answer and the catalog. Return the size of the object in bytes, if it is known.

        Raises:
            ObjectSkipped: the object was not done.
            DatabaseError: the answer says that it failed.
        """
        why = self._made.catalog.judge(self._options, facts, reply)
        if why and self._made.catalog.failed(self._options, reply):
            failed = DatabaseError(why, sqlstate=None, phase=Phase.COMMITTING)
            failed.undone = True
            raise await self._explained(connection, facts.object, failed)
        if why:
            raise ObjectSkipped(why)
        if facts.proof is None or not self._made.catalog.may_be_silent(self._options):
            return None
        moved: bool | None = False
        for wait_s in MOVES_S:
            await asyncio.sleep(wait_s)
            proof, size, whole = await self._look(connection, facts.object)
            moved = proof is None or self._made.catalog.moved(facts.proof, proof)
            if moved is None:
                raise ObjectSkipped(RESET)
            if moved and whole:
                return size if self._options.command in REBUILDS else None  # of a table without its indexes
        raise ObjectSkipped(NOT_WHOLE if moved else NOT_MOVED)

    async def _look(self, connection: Connection, wanted: MaintainedObject) -> tuple[str | None, float | None, bool]:
        """The proof of an object, its size in bytes, and whether the command has ended if it moved."""
        query = self._made.catalog.prove(self._options, wanted)
        rows = await connection.administer([query]) if query else []
        if not rows:
            return None, None, True
        proof, size, whole = rows[0]
        return None if proof is None else str(proof), None if size is None else float(str(size)), bool(whole)

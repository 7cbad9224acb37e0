"""Execute the command for several small objects. If it did not go through for all, find out which are done.

The server does the tables of a list one after the other, each in a transaction of its own. So those before an error are done, and the
catalog shows which these are: the proof of each is compared. Small indexes are rebuilt in one transaction, so an error leaves all of
them as they were. The lane executes the others one by one.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, DatabaseError, ObjectsApart, ObjectSkipped
from bulkq.lifecycle.maintain.ask_despite_stop import ask_despite_stop
from bulkq.lifecycle.maintain.started_record import STOPPED
from bulkq.lifecycle.maintain.target_objects import able
from bulkq.model import Outcome, Phase, Reply
from bulkq.model.maintenance import NOT_ALL, NOT_WHOLE, RESET, ObjectFacts, ObjectResult, ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.maintain.object_sizes import ObjectSizes
    from bulkq.lifecycle.maintain.started_record import StartedRecord
    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.model import Batch
    from bulkq.model.maintenance import CommandReply, MaintenanceOptions
    from bulkq.protocols import Connection

PATIENCE_S = 0.05
"""How long a command may wait for a lock while its transaction holds the locks of other objects. It is shorter than the second after
which a server looks for a deadlock, so that the transaction of a user is never the victim, and waits no longer."""

STATES = {Outcome.SKIPPED: ObjectState.SKIPPED, Outcome.ROLLED_BACK: ObjectState.FAILED}


class ObjectGroup:
    """Executes the command for the objects of a batch together.

    Args:
        part: of the target.
        made: its objects.
        options: of the run.
        record: knows which objects were begun.
        sizes: asks for the sizes of objects.
        stopped: whether the running commands are cancelled because the run ends.
    """

    def __init__(
        self,
        part: PartState,
        made: TargetObjects,
        options: MaintenanceOptions,
        record: StartedRecord,
        sizes: ObjectSizes,
        stopped: Callable[[], bool],
    ) -> None:
        self._part = part
        self._made = made
        self._options = options
        self._record = record
        self._sizes = sizes
        self.stopped = stopped

    async def execute(self, connection: Connection, batch: Batch) -> Reply:
        """Return when all objects of `batch` are done.

        Raises:
            ObjectsApart: not all are done; it says what is known of each.
            DatabaseError: the session was lost, so nothing is known of any.
        """
        assert self._part.objects is not None
        objects = [self._part.objects.object(batch.first + at) for at in range(len(batch.sets))]
        group = [self._made.facts(one) or ObjectFacts(one) for one in objects]
        self._record.announce(batch)
        before = await self._sizes.before(connection, group)
        self.go_on(single=False)
        began_s = time.monotonic()
        apart = ObjectsApart((), {}, ())
        try:
            apart = await self._execute(connection, batch, group)
        except DatabaseError as error:
            if error.phase is not Phase.PREPARING:
                unknown = dict.fromkeys(range(len(group)), (ObjectState.UNKNOWN, str(error)))
                self._keep(group, unknown, time.monotonic() - began_s, before)
            raise
        elapsed_s = time.monotonic() - began_s
        ended = {at: (STATES[outcome], why) for at, (outcome, why) in apart.ended.items()}
        self._keep(group, dict.fromkeys(apart.done, (ObjectState.DONE, "")) | ended, elapsed_s, before)
        await ask_despite_stop(lambda: self._sizes.enter(connection), self.stopped)
        if len(apart.done) < len(group):
            raise apart
        return Reply((), (), ())

    def go_on(self, *, single: bool) -> None:
        """Check before a command is sent that the run has not been stopped: a cancellation that met a COMMIT of ours was forgotten there.

        Raises:
            ObjectSkipped: it has, and the object is a `single` one that is left of several, whose results are kept.
            CancelledError: it has.
        """
        if self.stopped():
            raise ObjectSkipped(STOPPED) if single else asyncio.CancelledError

    async def _execute(self, connection: Connection, batch: Batch, group: Sequence[ObjectFacts]) -> ObjectsApart:
        """What came of each object."""
        await self._record.begin(batch)
        catalog, limits = self._made.catalog, self._part.spec.limits
        sql = catalog.statement_of_all(self._options, [one.object for one in group], self._made.server)
        lock_timeout_s = limits.lock_timeout_s
        if catalog.in_one_transaction(self._options) > 1:
            lock_timeout_s = PATIENCE_S if lock_timeout_s is None else min(lock_timeout_s, PATIENCE_S)
        try:
            reply = await able(connection).command(sql, timeout_s=limits.timeout_s, lock_timeout_s=lock_timeout_s)
        except DatabaseError as error:
            if error.connection_lost or not error.confirmed or error.abandoned:
                raise
            return await self._settle(connection, group, Outcome.ROLLED_BACK, str(error))
        except asyncio.CancelledError as cancelled:
            if cancelled.args or not self.stopped():
                raise
            apart = await self._settle(connection, group, Outcome.SKIPPED, STOPPED)
            left = dict.fromkeys(apart.left, (Outcome.SKIPPED, STOPPED))
            return ObjectsApart(apart.done, {**apart.ended, **left}, ())
        warnings = self._warnings(group[0], reply)
        if not warnings and not catalog.may_be_silent(self._options):
            return ObjectsApart(tuple(range(len(group))), {}, ())
        return await self._judge(connection, group, warnings)

    def _warnings(self, facts: ObjectFacts, reply: CommandReply) -> list[str]:
        """What speaks against some of the objects, one text for each message."""
        each = (self._made.catalog.judge(self._options, facts, replace(reply, notices=(n,))) for n in reply.notices)
        return [why for why in each if why]

    async def _judge(
        self, connection: Connection, group: Sequence[ObjectFacts], warnings: Sequence[str]
    ) -> ObjectsApart:
        """Which objects are done after a success. A warning belongs to an object whose proof is what it was.

        More warnings than such objects belong to any of the others, none of which counts as done then.
        """
        why = f"{NOT_ALL}{warnings[0]}" if warnings else ""
        apart = await self._settle(connection, group, Outcome.SKIPPED, why)
        if len(warnings) <= len(apart.left):
            return apart
        doubtful = dict.fromkeys(apart.done, (Outcome.SKIPPED, why))
        return ObjectsApart((), {**apart.ended, **doubtful}, apart.left)

    async def _settle(
        self, connection: Connection, group: Sequence[ObjectFacts], outcome: Outcome, why: str
    ) -> ObjectsApart:
        """Compare the proofs. An object that was begun and not ended has `outcome`, for the reason `why`.

        Raises:
            DatabaseError: the catalog does not answer.
        """
        query = self._made.catalog.prove_all(self._options, [one.object for one in group])
        try:
            rows = await ask_despite_stop(lambda: connection.administer([query]), self.stopped)
        except BulkqError as error:
            raise DatabaseError(
                f"{why}; {error}", sqlstate=None, phase=Phase.COMMITTING, connection_lost=True
            ) from error
        now = {(str(schema), str(name)): (str(proof), bool(whole)) for schema, name, proof, whole in rows}
        done: list[int] = []
        left: list[int] = []
        ended: dict[int, tuple[Outcome, str]] = {}
        for at, facts in enumerate(group):
            proof, whole = now.get((facts.object.schema, facts.object.name), (facts.proof, True))
            moved = facts.proof is not None and proof is not None and self._made.catalog.moved(facts.proof, proof)
            if moved is None:
                ended[at] = (Outcome.SKIPPED, RESET)
            elif not moved:
                left.append(at)
            elif whole:
                done.append(at)
            else:
                ended[at] = (outcome, why or NOT_WHOLE)
        return ObjectsApart(tuple(done), ended, tuple(left))

    def _keep(
        self,
        group: Sequence[ObjectFacts],
        ended: dict[int, tuple[ObjectState, str]],
        elapsed_s: float,
        before: Sequence[float | None],
    ) -> None:
        """Keep what came of the objects that have ended. The time is shared by all; `before` is bytes of each."""
        each_s = elapsed_s / len(group)
        self._record.end(each_s)
        results = {
            at: ObjectResult(
                target=self._part.spec.target,
                name=group[at].object.shown,
                state=state,
                reason=why,
                elapsed_s=each_s,
                before=before[at],
            )
            for at, (state, why) in ended.items()
        }
        self._sizes.keep(results, group)

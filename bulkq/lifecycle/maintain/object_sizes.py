"""Ask for the sizes of objects, before and after their command.

The server opens the files of a table and of its indexes for a size. For thousands of tables that takes longer than to list them, and
nothing else could begin meanwhile. So the connections that execute the commands ask. A question takes longer on its way than the
sizes of a hundred small tables, so one asks for many: those that follow before they begin, and those that have ended since the last one.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, DatabaseError
from bulkq.model import Phase
from bulkq.model.maintenance import ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions, ObjectFacts, ObjectResult
    from bulkq.protocols import Connection

PATIENCE_S = 0.1
"""How long a size may wait for another session that has locked the table. It is not worth more."""

MOST = 512
"""Objects of one question at most."""

APART = 64
"""Objects of each question after one that a lock has ended."""

APIECE = 128
"""Objects of each question at the end, where several lanes have nothing else to do."""

SOON_S = 1.0
"""How long before the beginning of an object, and how long after its end, its size may be asked for."""


async def enter_sizes(
    connection: Connection, made: TargetObjects, options: MaintenanceOptions, most: int = MOST
) -> None:
    """Ask for the sizes that are missing in the results, and for the proofs of their objects, for `most` at once.

    What came of a command is known, so a lost session costs only sizes.
    """
    with suppress(BulkqError):
        while made.unmeasured:
            await _ask(connection, made, options, {}, most)


class ObjectSizes:
    """The sizes of the objects of one target, in bytes; None if not known.

    Args:
        made: its objects. The sizes after are entered into its `results`.
        options: of the run.
        following: the objects that probably begin within `SOON_S`, small or not.
        last: the command changes no size. VACUUM does, also of a table that was vacuumed and not changed since: it may get a lock now
            with which it removes empty pages, and a table that was written anew gets its maps.
    """

    def __init__(
        self,
        made: TargetObjects,
        options: MaintenanceOptions,
        following: Callable[[], Iterable[MaintainedObject]],
        *,
        last: bool = False,
    ) -> None:
        self._made = made
        self._options = options
        self._following = following
        self._last = last
        self._before: dict[str, float | None] = {}
        self._asked: set[str] = set()
        self._ended_s = 0.0  # when the first object that is unmeasured was kept

    async def before(self, connection: Connection, objects: Sequence[ObjectFacts]) -> Sequence[float | None]:
        """Return the size of each of `objects`. If the list of objects has estimates, ask, also for those that follow.

        Raises:
            DatabaseError: the session was lost, and no command has begun.
        """
        if not self._made.rough:
            return [one.values.get("size") for one in objects]
        wanted = {one.object.shown: one.object for one in objects if one.object.shown not in self._before}
        if wanted:
            follow = (one for one in self._following() if one.shown not in self._asked and self._made.is_quick(one))
            wanted |= {one.shown: self._made.as_listed(one) for one in islice(follow, MOST - len(wanted))}
            self._asked.update(wanted)
            try:
                self._before.update(await _ask(connection, self._made, self._options, wanted))
            except DatabaseError as error:
                error.phase = Phase.PREPARING
                raise
        return [self._before.pop(one.object.shown, None) for one in objects]

    async def after(self, connection: Connection, facts: ObjectFacts, before: float | None) -> float | None:
        """Return the size of an object whose command has ended; None also if it is asked for at the end of the run."""
        if not self._made.rough:
            return None
        if self._last:
            return before
        try:
            name, wanted = facts.object.shown, facts.object
            return (await _ask(connection, self._made, self._options, {name: wanted}, begins=False))[name]
        except BulkqError:  # what came of the command is known, and the next one sees whether the session is lost
            return None

    def keep(self, results: Mapping[int, ObjectResult], group: Sequence[ObjectFacts]) -> None:
        """Add results of objects that were done together, by position in `group`. Their sizes after are entered soon."""
        made = self._made
        for at, result in sorted(results.items()):
            wanted = made.rough and result.state is ObjectState.DONE
            changed = wanted and not self._last
            if changed:
                self._ended_s = self._ended_s if made.unmeasured else time.monotonic()
                made.unmeasured[len(made.results)] = group[at].object
            made.results.append(replace(result, after=result.before) if wanted and not changed else result)

    async def enter(self, connection: Connection) -> None:
        """Ask for the sizes of the objects that were kept, if one of them was kept long ago, or no small object follows."""
        made = self._made
        if not made.unmeasured:
            return
        late = time.monotonic() - self._ended_s > SOON_S or len(made.unmeasured) >= MOST
        if late or not any(map(made.is_quick, self._following())):
            await enter_sizes(connection, made, self._options, MOST if late else APIECE)


async def _ask(
    connection: Connection,
    made: TargetObjects,
    options: MaintenanceOptions,
    wanted: Mapping[str, MaintainedObject],
    most: int = MOST,
    *,
    begins: bool = True,
) -> Mapping[str, float | None]:
    """Return the sizes of `wanted`, and enter those of `most` objects that have ended, and which of these have moved.

    Those that are `wanted` begin, or have ended, too.

    Raises:
        DatabaseError: the session was lost.
    """
    ended = dict(islice(made.unmeasured.items(), most))
    for at in ended:
        del made.unmeasured[at]
    try:
        answers = await _measure(connection, made, options, [*wanted.values(), *ended.values()])
    except BaseException:
        made.unmeasured.update(ended)
        raise
    for at, (size, _) in zip(ended, answers[len(wanted) :], strict=True):
        made.results[at] = replace(made.results[at], after=size)
    proven = [*([None] * len(wanted) if begins else wanted.values()), *ended.values()]
    for one, (_, proof) in zip(proven, answers, strict=True):
        facts = made.facts(one) if one is not None and proof is not None else None
        if facts is not None and facts.proof is not None and made.catalog.moved(facts.proof, str(proof)):
            made.moved.add(facts.object.shown)
    return {name: size for name, (size, _) in zip(wanted, answers, strict=False)}


async def _measure(
    connection: Connection, made: TargetObjects, options: MaintenanceOptions, objects: Sequence[MaintainedObject]
) -> Sequence[tuple[float | None, str | None]]:
    """Ask for sizes and proofs of all at once. If one of them is locked, ask for fewer at once: a lock costs those beside it.

    Raises:
        DatabaseError: the session was lost.
    """
    answers: list[tuple[float | None, str | None]] = [(None, None)] * len(objects)
    try:
        question = made.catalog.sizes(options, objects)
        rows = await connection.administer([*made.catalog.lasting, question], lock_timeout_s=PATIENCE_S)
    except DatabaseError as error:
        if error.connection_lost:
            raise
        if len(objects) <= APART:
            return answers
        pieces = [
            await _measure(connection, made, options, objects[at : at + APART]) for at in range(0, len(objects), APART)
        ]
        return [answer for piece in pieces for answer in piece]
    for at, size, proof in rows:
        known = None if size is None else float(str(size)), None if proof is None else str(proof)
        answers[int(str(at)) - 1] = known
    return answers

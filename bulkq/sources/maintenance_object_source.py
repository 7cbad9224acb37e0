"""Parameter sets that are objects of a database: no two objects of one table are given at the same time.

Two commands on one table can deadlock, and the one that did the work would be the victim.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from bulkq.model import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bulkq.model.maintenance import MaintainedObject


class ObjectSource:
    """A `ParameterSource` of objects. It is made without a connection, and `begin` gives it what it needs before the first `take`.

    An object that is to be done after others is given when these have ended, however. One that is to be done last is given when nothing
    else is left and nothing is in flight.
    """

    typed = True
    replayable = True

    def __init__(self) -> None:
        self._objects: Sequence[MaintainedObject] = ()
        self._waiting: dict[int, MaintainedObject] = {}  # by number, in order
        self._flying: dict[int, MaintainedObject] = {}
        self._news = asyncio.Event()
        self._quick: frozenset[int] = frozenset()
        self._in_order = False  # one of the objects has to wait for others
        self.total: int | None = None
        self.together = 1
        """Objects of one batch at most."""

    def begin(
        self,
        objects: Sequence[MaintainedObject],
        done: Iterable[tuple[int, int]] = (),
        *,
        together: int = 1,
        quick: Iterable[int] = (),
    ) -> None:
        """Say what is to be done.

        Args:
            objects: in their order; their numbers begin with 1.
            done: ranges of numbers that are not done again.
            together: objects of one batch at most.
            quick: numbers of the objects that may be in one batch with others.
        """
        self.together = together
        self._quick = frozenset(quick)
        self._objects = objects
        self._in_order = any(one.after for one in objects)
        over = {n for first, last in done for n in range(first, last + 1)}
        self._waiting = {n: one for n, one in enumerate(objects, 1) if n not in over}
        self.total = len(self._waiting)

    def again(self) -> ObjectSource:
        """Return a source of all objects, for a reader who wants their names."""
        source = ObjectSource()
        source.begin([replace(one, table=str(n), last=False, after=()) for n, one in enumerate(self._objects)])
        return source

    def following(self, most: int) -> list[int]:
        """Return the numbers of at most `most` objects that will be given next, if no table is busy."""
        return list(islice(self._waiting, most))

    def quick_following(self, most: int) -> list[int]:
        """Return the numbers of at most `most` quick objects that will be given next, if no table is busy."""
        return list(islice((n for n in self._waiting if n in self._quick), most))

    def object(self, number: int) -> MaintainedObject:
        """Return the object with `number`, from 1."""
        return self._objects[number - 1]

    async def admit(self, going: Callable[[], bool]) -> None:
        """Wait until an object can be given, or none is left."""
        while self._waiting and going() and self._next() is None:
            self._news.clear()
            await self._news.wait()

    def wake(self) -> None:
        """Let a lane that waits see that a stop was requested."""
        self._news.set()

    async def take(self, size: int, index: int) -> Batch | None:
        """Return the next object, and quick objects behind it if it is one: at most `size` and `together`."""
        while self._waiting:
            number = self._next()
            if number is not None:
                return self._batch(number, min(size, self.together), index)
            self._news.clear()
            await self._news.wait()
        return None

    def settle(self, batch: Batch) -> None:
        """Learn that the objects of a batch have ended, however."""
        for number in range(batch.first, batch.first + len(batch.sets)):
            self._flying.pop(number, None)
        self._news.set()

    def fraction(self) -> float | None:
        """Return None: the total is known."""
        return None

    async def close(self) -> None:
        """Do nothing: the source holds nothing open."""

    def _batch(self, number: int, most: int, index: int) -> Batch:
        """The object with `number`, and the quick ones with the next numbers, of which no two belong to one table."""
        busy = {one.table for one in self._flying.values()}
        found = [self._waiting.pop(number)]
        quick = number in self._quick
        while quick and len(found) < most:
            busy.add(found[-1].table)
            wanted = self._waiting.get(number + len(found))
            if wanted is None or wanted.last or wanted.table in busy or number + len(found) not in self._quick:
                break
            found.append(self._waiting.pop(number + len(found)))
        self._flying.update(enumerate(found, number))
        names = tuple(one.shown for one in found)
        return Batch(index, number, tuple((name,) for name in names), source=names[0], names=names)

    def _next(self) -> int | None:
        """The first object whose table is free; None if there is none at the moment."""
        busy = {one.table for one in self._flying.values()}
        for number, one in self._waiting.items():
            if not one.last and one.table not in busy and not self._waits(one):
                return number
        if not all(one.last for one in (*self._waiting.values(), *self._flying.values())):
            return None
        return next((number for number, one in self._waiting.items() if one.table not in busy), None)

    def _waits(self, wanted: MaintainedObject) -> bool:
        """Whether an object has to be done after one that has not ended."""
        if not self._in_order or not wanted.after:
            return False
        open_ones = {one.shown for one in (*self._waiting.values(), *self._flying.values())}
        return not open_ones.isdisjoint(wanted.after)

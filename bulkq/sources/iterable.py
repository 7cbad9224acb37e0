"""Parameter sets from an iterable of the Python API."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.model import Batch, PlaceholderKind
from bulkq.sources.bind_columns import bind_mappings
from bulkq.sources.column_feed import ColumnBlock
from bulkq.sources.json_objects import pick_keys

if TYPE_CHECKING:
    from collections.abc import Sized

    from bulkq.model import Query


class MappingSource:
    """A `ParameterSource` over mappings, one for each set, whose keys are the names of the parameters.

    Values are native and go to the driver as they are. The iterable is consumed as the run goes on; an asynchronous
    one by a task of its own, at most a batch ahead, so that it may use timeouts and context variables as it likes,
    and what it has given is run without waiting for more.
    """

    typed = True

    def __init__(
        self,
        query: Query,
        sets: Iterable[Mapping[str, object]] | AsyncIterable[Mapping[str, object]],
        *,
        dynamic: bool = False,
    ) -> None:
        """Take `sets` for `query`; the total is known where `sets` has a length. `dynamic` is that of `open_source`.

        Raises:
            ParameterError: `sets` is a single mapping, or nothing that gives mappings.
        """
        if isinstance(sets, Mapping):
            raise ParameterError("expected a list of parameter sets, found one mapping: write [{...}]")
        if isinstance(sets, str | bytes) or not isinstance(sets, Iterable | AsyncIterable):
            raise ParameterError(f"expected parameter sets, found {type(sets).__name__}: write [{{...}}]")
        self._binding = bind_mappings(query, dynamic=dynamic)
        self._query = query
        self._lists = [i for i, p in enumerate(query.parameters) if p.kind is PlaceholderKind.LIST]
        self._items: _ItemPrefetch | _IterableItems = (
            _ItemPrefetch(sets) if isinstance(sets, AsyncIterable) else _IterableItems(sets)
        )
        self._given = 0
        self._ended = False
        self._error: Exception | None = None
        self.raised: Exception | None = None
        """An exception that the caller's iterable raised; it reaches the caller unchanged."""

        self.total = _length(sets)
        self.replayable = False

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets as batch `index`; None at the end.

        Raises:
            ParameterError: a set that lacks a parameter, has an unknown key, or is not a mapping.
            Exception: whatever the iterable raises.
        """
        if self._error is not None:
            raise self._error
        try:
            items = [] if self._ended else await self._next(size)
            if not items:
                self._ended = True
                return None
            sets = self._bound(items)
        except Exception as error:
            self._error = error
            raise
        first = self._given + 1
        self._given += len(sets)
        return Batch(index, first, sets)

    async def _next(self, size: int) -> list[Mapping[str, object]]:
        try:
            return await self._items.next(size)
        except Exception as error:
            self.raised = error
            raise

    def fraction(self) -> float | None:
        """By count where the total is known."""
        if self.total is None:
            return None
        return min(1.0, self._given / self.total) if self.total else 1.0

    async def close(self) -> None:
        """Stop reading; an asynchronous generator is closed."""
        self._ended = True
        await self._items.close()

    def _bound(self, items: list[Mapping[str, object]]) -> list[tuple[object, ...]]:
        kinds = set(map(type, items))
        if kinds != {dict}:
            for position, item in enumerate(items):
                if not isinstance(item, Mapping):
                    raise self._fail(position, f"expected a mapping of names to values, found {type(item).__name__}")
        block = ColumnBlock(len(items), pick_keys(items, self._binding.wanted, self._fail))
        for i in self._lists:
            for position, value in enumerate(block.columns[i]):
                if not isinstance(value, list | tuple) or not value:
                    name = self._query.parameters[i].name
                    raise self._fail(position, f":{name}* of {self._query.place} needs a list with at least one value")
        return self._binding.sets(block)

    def _fail(self, position: int, why: str) -> ParameterError:
        return ParameterError(f"parameter set {self._given + position + 1}: {why}")


def _length(sets: object) -> int | None:
    if not hasattr(sets, "__len__"):
        return None
    sized: Sized = sets
    return len(sized)


class _IterableItems:
    """Items of an ordinary iterable."""

    def __init__(self, items: Iterable[Mapping[str, object]]) -> None:
        self._items = iter(items)
        self._error: Exception | None = None

    async def next(self, most: int) -> list[Mapping[str, object]]:
        """Return up to `most` items; an empty list at the end.

        Raises:
            Exception: the error of the iterable, after the items before it were returned.
        """
        if self._error is not None:
            raise self._error
        items: list[Mapping[str, object]] = []
        try:
            items.extend(islice(self._items, most))
        except Exception as error:
            if not items:
                raise
            self._error = error  # what came before it is run first
        return items

    async def close(self) -> None:
        """Close the iterator if it can be closed (generators)."""
        end = getattr(self._items, "close", None)
        if end is not None:
            end()


class _ItemPrefetch:
    """Items of an asynchronous iterable, collected by one task that stays at most one helping ahead."""

    def __init__(self, items: AsyncIterable[Mapping[str, object]]) -> None:
        self._items = items
        self._ready: deque[Mapping[str, object]] = deque()
        self._most = 1
        self._changed = asyncio.Event()  # for `next`: there is something, or the end
        self._room = asyncio.Event()  # for the task: go on
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._ended = False

    async def next(self, most: int) -> list[Mapping[str, object]]:
        """Wait for at least one item, and return up to `most`; an empty list at the end.

        Raises:
            Exception: the error of the iterable, after the items before it were returned.
        """
        self._most = most
        self._room.set()
        if self._task is None:
            self._task = asyncio.create_task(self._collect(), name="bulkq parameter sets")
        while not self._ready and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        if not self._ready and self._error is not None:
            raise self._error
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    async def close(self) -> None:
        """Cancel the task, wait for it, and drop the items that were not taken."""
        self._ready.clear()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        self._ended = True
        self._changed.set()

    async def _collect(self) -> None:
        iterator = aiter(self._items)
        try:
            async for item in iterator:
                self._ready.append(item)
                self._changed.set()
                while len(self._ready) >= self._most:
                    self._room.clear()
                    await self._room.wait()
        except Exception as error:  # noqa: BLE001 - the caller's generator may raise anything; `next` raises it on
            self._error = error
        finally:
            self._ended = True
            self._changed.set()
            end = getattr(iterator, "aclose", None)
            if end is not None:
                await end()

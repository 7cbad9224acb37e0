"""Work on many targets concurrently, with a maximum number of open connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
    from typing import Any

Item = TypeVar("Item")
Result = TypeVar("Result")


async def map_concurrently(
    items: Sequence[Item], work: Callable[[Item], Coroutine[Any, Any, Result]], *, at_once: int
) -> AsyncGenerator[Result, None]:
    """Do `work` for every item, `at_once` at a time.

    Yields:
        The results in the order of `items`, each as soon as it and all before it are there.

    Raises:
        BaseException: the first error of any item, at once. The others are cancelled and have ended by then, as they
            have if the caller stops early.
    """
    slots = asyncio.Semaphore(at_once)
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def one(item: Item) -> Result:
        async with slots:
            return await work(item)

    def tell(task: asyncio.Task[Result]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not failed.done():
            failed.set_exception(error)

    tasks = [asyncio.create_task(one(item)) for item in items]
    for task in tasks:
        task.add_done_callback(tell)
    try:
        for task in tasks:
            await asyncio.wait((task, failed), return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                await failed
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if failed.done():
            failed.exception()  # it was raised, or the caller has stopped
        failed.cancel()


async def gather_concurrently(
    items: Sequence[Item], work: Callable[[Item], Coroutine[Any, Any, Result]], *, at_once: int
) -> list[Result]:
    """The results of `map_concurrently`, all of them."""
    return [result async for result in map_concurrently(items, work, at_once=at_once)]

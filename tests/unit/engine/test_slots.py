"""The slot of a lane: taken in order, lent while the lane waits, and never given back twice."""

from __future__ import annotations

import asyncio

import pytest

from bulkq.engine.slots import ConnectionSlots, Limiter, LimiterSlot, SlotSemaphore


async def test_a_permit_is_given_back_once() -> None:
    """`give_back` is harmless when repeated, also at the end of the block."""
    semaphore = asyncio.Semaphore(1)
    slot = LimiterSlot(semaphore)
    async with slot:
        assert slot.held
        assert semaphore.locked()
        slot.give_back()
        slot.give_back()
    async with asyncio.timeout(1), LimiterSlot(semaphore):
        assert semaphore.locked()
    assert not semaphore.locked()


async def test_a_lent_permit_serves_another_lane() -> None:
    """Inside the block another lane works; afterwards the first waits for its turn."""
    semaphore = asyncio.Semaphore(1)
    first, second = LimiterSlot(semaphore), LimiterSlot(semaphore)
    async with first:
        async with first.lent():
            assert not first.held
            async with second:
                assert semaphore.locked()
        assert first.held
    async with first.lent():
        assert not semaphore.locked()


async def test_an_error_in_a_lent_block_takes_nothing_back() -> None:
    """The lane's work on its batch has ended, and it needs no slot for that."""
    semaphore = asyncio.Semaphore(1)
    slot = LimiterSlot(semaphore)
    with pytest.raises(RuntimeError):
        async with slot, slot.lent():
            raise RuntimeError
    assert not slot.held
    assert not semaphore.locked()


async def test_a_kept_permit_lowers_the_limit() -> None:
    """The slot of a statement that cannot be stopped is not free again."""
    semaphore = asyncio.Semaphore(1)
    slot = LimiterSlot(semaphore)
    async with slot:
        slot.keep()
    assert semaphore.locked()


async def test_a_wait_that_is_cancelled_takes_nothing() -> None:
    """Of two semaphores the first is released when the wait for the second ends."""
    inside, all_ = asyncio.Semaphore(1), asyncio.Semaphore(1)
    await all_.acquire()
    waiting = asyncio.create_task(LimiterSlot(inside, all_).__aenter__())
    await asyncio.sleep(0)
    assert inside.locked()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not inside.locked()


async def test_slots_are_added_and_taken_away() -> None:
    """Slots beyond the new number end with their release; more serve those who wait, in their order."""
    semaphore = SlotSemaphore(2)
    one, two, three = (LimiterSlot(semaphore) for _ in range(3))
    await one.__aenter__()
    await two.__aenter__()
    semaphore.resize(1)
    one.give_back()
    assert semaphore.locked()
    two.give_back()
    assert not semaphore.locked()
    await one.__aenter__()
    waiting = asyncio.create_task(two.__aenter__())
    await asyncio.sleep(0)
    assert semaphore.locked()
    semaphore.resize(3)
    await waiting
    async with asyncio.timeout(1), three:
        assert semaphore.locked()


async def test_slots_that_are_wanted_again_are_not_lost() -> None:
    """A number that falls and rises while slots are held is the old one again."""
    semaphore = SlotSemaphore(2)
    one, two = LimiterSlot(semaphore), LimiterSlot(semaphore)
    async with one, two:
        semaphore.resize(1)
        semaphore.resize(2)
    async with asyncio.timeout(1), one, two:
        assert semaphore.locked()


def test_a_target_has_its_share_of_the_new_number() -> None:
    """The share follows the number."""
    limiter = Limiter(8, several=False)
    limiter.resize(8)
    limiter.resize(20)
    assert (limiter.concurrency, limiter.share()) == (20, 20)


async def test_a_freed_connection_wakes_one_target_that_begins() -> None:
    """They begin in the order in which they have waited, and one whose wait was cancelled passes its turn on."""
    slots, begun = ConnectionSlots(1, 3), list[int]()

    async def begin(number: int) -> None:
        await slots.first()
        begun.append(number)

    await slots.first()
    assert not slots.another()
    waiting = [asyncio.create_task(begin(number)) for number in range(4)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    slots.give_back(1)
    waiting[1].cancel()  # after its turn has come
    await asyncio.wait(waiting[:3])
    assert begun == [2]
    slots.give_back(2)
    await waiting[3]
    assert (begun, slots.another(), slots.another()) == ([2, 3], True, False)

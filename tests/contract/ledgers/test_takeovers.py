"""Runs that another process continues."""

from __future__ import annotations

import asyncio

import pytest

from bulkq.errors import LedgerError, RefusedError
from bulkq.ledger import (
    new_owner,
    open_ledger,
    owners,
    recorder,
    takeover,
)
from bulkq.model import Mark, Outcome, RunState, SinkPosition
from bulkq.model.shard import Shard
from tests.support.ledgers import dead_owner, ended, failure, opened, position, record


async def test_a_dead_run_is_taken_over_and_continued(url: str) -> None:
    """The new owner has the old one's ranges, counts and positions; a failure that goes through now is one no more."""
    async with opened(url) as ledger:
        await ledger.begin(record(owner=dead_owner()), ["/s"])
        ledger.attach(positions=lambda: [(0, SinkPosition("o.csv", 70))])
        ledger.mark(
            Mark(0, ((1, 5),), (failure(6), failure(7, outcome=Outcome.UNKNOWN)), source=position(5), changed=5)
        )
    async with opened(url) as ledger:
        assert not await ledger.owner_alive(await ledger.find("01kb4x0001"))
        await ledger.take_over("01kb4x0001", new_owner())
        ledger.mark(Mark(0, ((7, 10),), changed=4, source=position(10)))
        await ledger.sync()
        (part,) = await ledger.state("01kb4x0001")
        assert part.done == ((1, 5), (7, 10))
        assert [f.n for f in part.failures] == [6]
        assert part.sinks == (SinkPosition("o.csv", 70),)
        known = await ledger.find("01kb4x0001")
        assert (known.ok, known.failed, known.unknown, known.changed) == (9, 1, 0, 9)
        assert await ledger.owner_alive(known)


async def test_a_living_run_is_not_taken_over(url: str) -> None:
    """Exit 4, with host and pid; nothing is changed. It cannot be forgotten either."""
    run = record()
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(run, [])
        for refused in (other.take_over(run.run, new_owner()), other.forget(run.run)):
            with pytest.raises(RefusedError) as caught:
                await refused
            assert str(owners.parse_owner(run.owner)) in str(caught.value)
            assert caught.value.exit_code == 4
        ledger.mark(Mark(0, ((1, 2),)))
        await ledger.sync()
        await ledger.finish(ended(run, RunState.STOPPED, 5))
        await other.take_over(run.run, new_owner())
        known = await other.find(run.run)
        assert (known.state, known.exit_code, known.ended_at) == (RunState.RUNNING, None, None)


async def test_a_run_of_another_host_counts_by_its_heartbeat(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can look at a process there: half a minute of silence is its end."""
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(record(owner="elsewhere:1:2.3.4:5"), [])
        with pytest.raises(
            RefusedError, match=r'may still be running on host "elsewhere", process 1, last heartbeat \ds ago'
        ):
            await other.take_over("01kb4x0001", new_owner())
        monkeypatch.setattr(takeover, "STALE_S", -1.0)
        await other.take_over("01kb4x0001", new_owner())


async def test_the_heartbeat_goes_on_without_marks(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waits for its target for minutes is alive."""
    monkeypatch.setattr(recorder, "HEARTBEAT_S", 0.05)
    async with opened(url) as ledger:
        await ledger.begin(record(owner="elsewhere:1:2.3.4:5"), [])
        await asyncio.sleep(0.5)
        with pytest.raises(RefusedError, match="last heartbeat 0s ago"):
            await ledger.take_over("01kb4x0001", new_owner())


async def test_five_that_take_over_at_once_are_one(url: str) -> None:
    """One wins, the others are refused."""
    async with opened(url) as ledger:
        await ledger.begin(record(owner=dead_owner()), [])
    ledgers = [await open_ledger(url) for _ in range(5)]
    done = await asyncio.gather(
        *(each.take_over("01kb4x0001", new_owner()) for each in ledgers), return_exceptions=True
    )
    assert sum(result is None for result in done) == 1
    assert sum(isinstance(result, RefusedError) for result in done) == 4
    for each in ledgers:
        await each.close()


async def test_who_was_taken_over_writes_nothing_more(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped and comes back finds that the run is another's, and who that is."""
    monkeypatch.setattr(takeover, "STALE_S", -1.0)
    told: list[LedgerError] = []
    async with opened(url) as old, opened(url) as new:
        await old.begin(record(owner="elsewhere:1:2.3.4:5"), [])
        old.attach(on_failure=told.append)
        await new.take_over("01kb4x0001", new_owner())
        old.mark(Mark(0, ((1, 5),)))
        with pytest.raises(LedgerError, match=r"taken over by host"):
            await old.sync()
        assert len(told) == 1
        assert await new.state("01kb4x0001") == ()


async def test_who_stood_still_asks_before_it_sends(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is asked only if it has taken nothing of the run for so long that another process may go on with it."""
    monkeypatch.setattr(takeover, "STALE_S", -1.0)
    async with opened(url) as old, opened(url) as new:
        await old.begin(record(owner="elsewhere:1:2.3.4:5"), [])
        await new.take_over("01kb4x0001", new_owner())
        await old.confirm()
        monkeypatch.setattr(recorder, "CONFIRMED_S", 0.0)
        with pytest.raises(LedgerError, match=r"taken over by host"):
            await old.confirm()


async def test_a_finished_run_stays_finished_when_taken_over(url: str) -> None:
    """What may be left to do is removing markers; dying in that must not make it unfinished."""
    run = record()
    async with opened(url) as ledger:
        await ledger.begin(run, [])
        await ledger.finish(ended(run))
        await ledger.take_over(run.run, new_owner())
        assert (await ledger.find(run.run)).state is RunState.FINISHED


async def test_a_second_retry_of_a_run_is_refused(url: str) -> None:
    """Of two that begin at the same moment, one does what has failed."""
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(record("01kb4x0001"), [])
        await ledger.finish(ended(record("01kb4x0001"), exit_code=1))
        await ledger.begin(record("01kb4x0002", retry_of="01kb4x0001"), [])
        with pytest.raises(RefusedError, match="is already retried by run 01kb4x0002"):
            await other.begin(record("01kb4x0003", retry_of="01kb4x0001"), [])
        assert [run.run for run in await other.recent()] == ["01kb4x0002", "01kb4x0001"]


async def test_a_shard_of_a_group_is_begun_once(url: str) -> None:
    """Of two writes of one shard that begin at the same moment, one does; a read, and a shard of another query, may begin again."""
    async with opened(url) as ledger, opened(url) as other:
        first, second = (
            record("01kb4x0001", shard=Shard(2, 3), group="G"),
            record("01kb4x0002", shard=Shard(2, 3), group="G"),
        )
        found = await asyncio.gather(ledger.begin(first, []), other.begin(second, []), return_exceptions=True)
        (refused,) = [one for one in found if one is not None]
        assert isinstance(refused, RefusedError)
        assert 'shard 2/3 of the group "G" was begun by run 01kb4x000' in str(refused)
    async with opened(url) as ledger:
        shown = [record("01kb4x0003", group="a\nb", shard=Shard(1, 2)), record("01kb4x0004", group="a\nb")]
        await ledger.begin(shown[0], [])
        with pytest.raises(
            RefusedError, match=r'sets of a whole run of the group "a.nb" were begun by run 01kb4x0003 as shard 1/2'
        ):
            await ledger.begin(shown[1], [])
        for more in ({"mode": "read"}, {"fingerprint": '{"sql": "y"}'}, {"shard": Shard(1, 3)}, {"group": "H"}):
            changes = {"shard": Shard(2, 3), "group": "G", **more}
            await ledger.begin(record(f"01kb4x001{len(await ledger.recent())}", **changes), [])
        assert len(await ledger.group("G")) == 4
        assert {str(run.shard) for run in await ledger.group("G")} == {"1/3", "2/3"}

"""What became of the workers of a run, and what each of them has done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.worker_status import WorkersStatus, WorkerState, WorkerStatus
from bulkq.policy.worker_counts import add_worker

if TYPE_CHECKING:
    from bulkq.engine.executors.worker_channel import WorkerChannel

MOST_GONE = 20
"""Workers that were lost or refused, of which each is kept. All are counted."""


class WorkerRoster:
    """The workers of a run.

    Args:
        executor: the value of `--executor`.
    """

    def __init__(self, executor: str) -> None:
        self._executor = executor
        self._channels: dict[str, WorkerChannel] = {}
        self._gone: dict[str, WorkerStatus] = {}  # also of a worker that is used again: what it did before
        self._lost = 0
        self._refused: set[str] = set()

    def admit(self, channel: WorkerChannel) -> None:
        """Note that a worker is used."""
        self._channels[channel.address] = channel
        self._refused.discard(channel.address)

    def lose(self, channel: WorkerChannel) -> WorkerState:
        """Note that a worker does not answer any more. Return whether it is lost, or has left with nothing of the run."""
        found = self._status(channel)
        self._lost += found.state is WorkerState.LOST
        if self._channels.get(channel.address) is channel:
            del self._channels[channel.address]
        self._keep(found)
        return found.state

    def refuse(self, address: str, why: str) -> None:
        """Note that a worker cannot be used."""
        self._refused.add(address)
        self._keep(WorkerStatus(address=address, state=WorkerState.REFUSED, reason=why))

    def status(self) -> WorkersStatus:
        """Return the workers as they are now."""
        here = tuple(map(self._status, self._channels.values()))
        return WorkersStatus(
            executor=self._executor,
            working=sum(1 for one in here if one.state is WorkerState.WORKING),
            lost=self._lost,
            refused=len(self._refused),
            listed=(*here, *(one for address, one in self._gone.items() if address not in self._channels)),
        )

    def _status(self, channel: WorkerChannel) -> WorkerStatus:
        state = _state(channel)
        found = WorkerStatus(
            address=channel.address,
            state=state,
            reason=channel.lost if state is WorkerState.LOST else "",
            connections=0 if channel.lost else channel.connections,
            batches=channel.batches,
            sets=channel.sets,
            lost_sets=channel.lost_sets,
        )
        return add_worker(self._gone.get(channel.address), found)

    def _keep(self, status: WorkerStatus) -> None:
        self._gone.pop(status.address, None)
        self._gone[status.address] = status
        while len(self._gone) > MOST_GONE:
            del self._gone[next(one for one in self._gone)]


def _state(channel: WorkerChannel) -> WorkerState:
    if not channel.lost:
        return WorkerState.RETIRING if channel.retiring else WorkerState.WORKING
    free = channel.retiring and not channel.connections and not channel.lost_sets
    return WorkerState.LEFT if free else WorkerState.LOST

"""The workers of a run with `--executor`, and their JSON form. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


class WorkerState(StrEnum):
    """What becomes of a worker."""

    WORKING = "working"
    RETIRING = "retiring"  # it finishes the batches that it has, and gets no more
    LEFT = "left"  # it has ended, and had nothing of the run any more
    LOST = "lost"
    REFUSED = "refused"  # it cannot be used


@frozen(kw_only=True)
class WorkerStatus:
    """One worker.

    Attributes:
        address: `tcp://10.0.0.7:40123`.
        state: what becomes of it.
        reason: why it is lost or refused; "" if it is not.
        connections: that it has open.
        batches: that it has executed and answered.
        sets: parameter sets of these batches.
        lost_sets: parameter sets that it had when it was lost. They are sent again, or counted as unknown.
    """

    address: str
    state: WorkerState = WorkerState.WORKING
    reason: str = ""
    connections: int = 0
    batches: int = 0
    sets: int = 0
    lost_sets: int = 0


@frozen(kw_only=True)
class WorkersStatus:
    """All workers of a run.

    Attributes:
        executor: the value of `--executor`.
        working: workers that get batches.
        lost: how often a worker was lost, also one that came back.
        refused: workers that cannot be used.
        listed: each worker: those that work in the order in which they joined, then the last ones that have left, were lost or refused.
    """

    executor: str
    working: int = 0
    lost: int = 0
    refused: int = 0
    listed: tuple[WorkerStatus, ...] = ()


def workers_object(status: WorkersStatus) -> dict[str, object]:
    """Return the JSON form."""
    found: dict[str, object] = {name: getattr(status, name) for name in WorkersStatus.__annotations__}
    found["listed"] = [
        {name: getattr(one, name) for name in WorkerStatus.__annotations__} | {"state": one.state.value}
        for one in status.listed
    ]
    return found


def parse_workers(values: Mapping[str, Any]) -> WorkersStatus:
    """Return the workers of their JSON form. Unknown fields are ignored; missing fields have their defaults.

    Raises:
        KeyError, TypeError, ValueError: it is of another form.
    """
    listed = tuple(
        WorkerStatus(**_known(WorkerStatus, {**one, "state": WorkerState(one.get("state", "working"))}))
        for one in values.get("listed", ())
    )
    return WorkersStatus(**_known(WorkersStatus, {**values, "listed": listed}))


def _known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in kind.__annotations__ if name in values}

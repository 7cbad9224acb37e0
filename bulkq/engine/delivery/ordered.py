"""Output order: results wait until every earlier batch is written. Lanes do not wait for an earlier batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.delivery.base import Window
from bulkq.policy.merged_number_ranges import Ranges

if TYPE_CHECKING:
    from bulkq.engine.delivery.backlog import WaitingResult
    from bulkq.engine.delivery.overflow import Overflow


class OrderedWindow(Window):
    """Writes results in the order of the batches."""

    ordered = True

    def __init__(self, lanes: int, overflow: Overflow) -> None:
        super().__init__(lanes, overflow)
        self._done = Ranges()  # batches that need no place in the output any more, counted from 1

    def _is_next(self, index: int) -> bool:
        return self.next == index

    def _ready(self) -> WaitingResult | None:
        return self.backlog.pop(self.next)

    def _pass(self, index: int) -> None:
        self._done.add(index + 1, index + 1)
        self.next = self._done.prefix

"""Output without an order: results are written as batches end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.delivery.base import Window

if TYPE_CHECKING:
    from bulkq.engine.delivery.backlog import WaitingResult


class UnorderedWindow(Window):
    """Writes results as they come. A result waits only while another lane writes."""

    def _is_next(self, index: int) -> bool:  # noqa: ARG002 - there is no order
        return True

    def _pass(self, index: int) -> None:
        """Do nothing: no batch waits for another one."""

    def _ready(self) -> WaitingResult | None:
        return self.backlog.pop_any()


class SeparateWindow(UnorderedWindow):
    """For batches that have a sink each: no lane waits for another one."""

    def take(self, index: int) -> bool:
        """Return True: no other batch writes into the same sink."""
        del index
        return True

    def give_up(self, *, has_turn: bool) -> None:
        """Do nothing: no batch waits behind it."""

    async def deliver(self, held: WaitingResult, *, has_turn: bool) -> None:  # noqa: ARG002 - no lane has a turn
        """Write it."""
        await self._append(held)

"""`--ledger none`: a ledger that records nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bulkq.errors import LedgerError
    from bulkq.model import Mark, RunRecord, SinkPosition
    from bulkq.model.run_event import EventKind
    from bulkq.protocols import Ledger


class NoLedger:
    """Keeps nothing and fails never; a run with it cannot be resumed."""

    keeps = False

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]] = ()
    ) -> None:
        """Nothing."""

    def mark(self, mark: Mark) -> None:
        """Nothing."""

    def record_event(
        self,
        kind: EventKind,
        text: str,
        *,
        by: str = "",
        data: Mapping[str, object] | None = None,
        soon: bool = True,
    ) -> None:
        """Nothing."""

    async def sync(self) -> None:
        """Nothing."""

    async def confirm(self) -> None:
        """Nothing: no other process can take over what is not recorded."""

    def attach(
        self,
        *,
        positions: Callable[[], Sequence[tuple[int, SinkPosition]]] | None = None,
        fsync: Callable[[], Awaitable[None]] | None = None,
        on_failure: Callable[[LedgerError], None] | None = None,
    ) -> None:
        """Nothing."""

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:  # noqa: ARG002
        """None: without a ledger there are no other runs to compare with."""
        return ()

    async def finish(self, record: RunRecord) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Nothing."""


class EventsOnly(NoLedger):
    """Records the events of a run in its ledger, and no marks: a run of checks has results instead.

    Args:
        ledger: of the run.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def record_event(
        self,
        kind: EventKind,
        text: str,
        *,
        by: str = "",
        data: Mapping[str, object] | None = None,
        soon: bool = True,
    ) -> None:
        """Record an event in the ledger."""
        self._ledger.record_event(kind, text, by=by, data=data, soon=soon)

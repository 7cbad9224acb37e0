"""The status of a live run, again and again, until its process has ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.control.answer_request import NOT_YET
from bulkq.errors import UsageError
from bulkq.model.run_status import parse_status
from bulkq.policy.control_request import ControlRequest
from bulkq.tasks.steer import steer

if TYPE_CHECKING:
    from bulkq.model.run_status import RunStatus

REQUEST = ControlRequest(command="status")
SOON_S = 0.3  # between two questions while a run has not begun


class LiveStatus:
    """The status of a run, over its socket or through its ledger.

    Args:
        run: its id or the beginning of one; None for the only live run.
        ledger: where runs are recorded.

    Attributes:
        run: the whole id, after the first `read`.
    """

    def __init__(self, run: str | None, ledger: str) -> None:
        self.run, self._ledger = run, ledger
        self._seen = False

    async def read(self) -> RunStatus | None:
        """Return the status, that of its end too; None if the run is gone and the ledger does not have it.

        Raises:
            UsageError: there is no such run, none or several are live, or it cannot be reached from here.
            StoppedError: its process does not answer.
            LedgerError: the ledger cannot be read.
        """
        while True:
            try:
                answer = await steer(self.run, REQUEST, self._ledger)
            except UsageError as error:
                if str(error).endswith(NOT_YET):
                    await asyncio.sleep(SOON_S)
                    continue
                if self._seen:
                    return None
                raise
            self.run, self._seen = answer.run, True
            return parse_status(answer.fields["status"])

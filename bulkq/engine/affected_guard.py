"""`--max-affected`: the number of rows that a run may change, over all of its lanes. Checked before every COMMIT."""

from __future__ import annotations

from bulkq.drivers.expected_rows import explain_uncounted
from bulkq.errors import RefusedError
from bulkq.model.counts import UNCOUNTED


class AffectedGuard:
    """`--max-affected`: committed plus in flight is checked before every COMMIT, over all lanes of a run.

    Args:
        most: rows that the run may change.
        before: rows that earlier processes of the run have changed.
    """

    def __init__(self, most: int, before: int = 0) -> None:
        self._most = most
        self._committed = before
        self._in_flight = 0

    def reserve(self, rows: int) -> None:
        """Count the rows that the next COMMIT would make permanent.

        Raises:
            RefusedError: they would be too many; the attempt is rolled back.
        """
        if rows == UNCOUNTED:
            raise explain_uncounted("--max-affected")
        total = self._committed + self._in_flight + rows
        if total > self._most:
            raise RefusedError(f"{total} rows would be changed, --max-affected allows {self._most}: rolled back")
        self._in_flight += rows

    @property
    def in_flight(self) -> int:
        """Rows that are reserved for attempts under way."""
        return self._in_flight

    def reserve_some(self, rows: int) -> int:
        """Reserve up to `rows` rows before an attempt, and return how many."""
        found = max(0, min(rows, self._most - self._committed - self._in_flight))
        self._in_flight += found
        return found

    def settle(self, reserved: int, committed: int) -> None:
        """The attempt ended: `committed` of the `reserved` rows last."""
        self._in_flight -= reserved
        self._committed += committed

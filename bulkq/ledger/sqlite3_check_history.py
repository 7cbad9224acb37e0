"""Read and write the results of checks in a ledger file with `sqlite3` alone, see `bulkq.ledger.sqlite3_row_writer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.ledger.check_row_conversion import AT_ONCE, KEPT_HISTORY, PAST, SERIES, past_results, result_rows
from bulkq.ledger.sqlite3_row_writer import put_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from bulkq.ledger.check_row_conversion import PastResults
    from bulkq.ledger.row_conversion import Row
    from bulkq.ledger.sqlite3_row_writer import DirectRows
    from bulkq.model import CheckResult

COLUMNS = ", ".join((*SERIES, *PAST))

NEWEST = f"""\
SELECT {COLUMNS} FROM (
    SELECT {COLUMNS}, row_number() OVER (PARTITION BY {", ".join(SERIES)} ORDER BY at DESC, run DESC) AS newest
    FROM checks WHERE checked IN ({{names}})
) WHERE newest <= {KEPT_HISTORY} ORDER BY newest
"""


class DirectCheckHistory:
    """The results of checks in one ledger file, with the methods of `bulkq.ledger.check_results.CheckHistory` that a run needs.

    Args:
        rows: of the open ledger.
    """

    def __init__(self, rows: DirectRows) -> None:
        self._rows = rows

    async def before(self, keys: Sequence[str]) -> PastResults:
        """The last results of the checks called `keys`.

        Raises:
            LedgerError: they cannot be read.
        """
        return await self._rows.read(_newest, keys)

    async def keep(self, run: str, at: str, results: Sequence[tuple[str, str, CheckResult]]) -> None:
        """Record the results of a run: the check's name in every run, the digest of its parameters, the result.

        Raises:
            LedgerError: they cannot be written.
        """
        if results:
            await self._rows.write(_put, result_rows(run, at, results))


def _newest(connection: sqlite3.Connection, keys: Sequence[str]) -> PastResults:
    found: PastResults = {}
    for first in range(0, len(keys), AT_ONCE):
        wanted = keys[first : first + AT_ONCE]
        past_results(found, connection.execute(NEWEST.format(names=", ".join("?" * len(wanted))), wanted))
    return found


def _put(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    put_rows(connection, "INSERT", "checks", rows)

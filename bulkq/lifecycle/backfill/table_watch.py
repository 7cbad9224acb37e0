"""Look while a backfill works whether its table is still the one that was described."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError, StoppedError, TargetError, UsageError
from bulkq.lifecycle.backfill.describe_table import changes_since

if TYPE_CHECKING:
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill

LOOK_S = 10.0
"""Seconds between two looks: so long, ranges may be changed in an order that they do not have. The catalog answers in milliseconds."""


class TableWatch:
    """Stops a run whose table was replaced, hides rows, or has other keys or another order of them.

    The verification at the end finds the same. Rows that may have come behind the ranges which are done do not stop it: they are looked
    for at the end.

    Args:
        made: the backfill of the table, whose cutter asks.
        dialect: of the database.
        over: the name of the table, as the user wrote it.
        every_s: seconds between two looks.
    """

    def __init__(self, made: TableBackfill, dialect: str, over: str, every_s: float = LOOK_S) -> None:
        self._made = made
        self._question = partial(changes_since, dialect=dialect, over=over)
        self._every_s = every_s
        self._looked_s = time.monotonic()

    async def look(self) -> None:
        """Look, if it is time. A catalog that does not answer says nothing.

        Raises:
            StoppedError: the ranges are not those of the rows any more.
        """
        now_s = time.monotonic()
        if now_s < self._looked_s + self._every_s:
            return
        self._looked_s = now_s
        try:
            since = await self._made.cutter.look(partial(self._question, facts=self._made.facts))
        except UsageError as error:
            raise StoppedError(str(error)) from error
        except (DatabaseError, TargetError):
            return
        text = since.told(self._made.facts.key.table)
        if text:
            raise StoppedError(text).for_good()
        self._made.note(since)

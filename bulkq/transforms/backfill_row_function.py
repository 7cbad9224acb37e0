"""`--map` of a backfill: a Python function that makes parameter sets of rows.

The function gets rows as dicts and gives dicts, as many as it likes. What it gives for a list of rows belongs to all of them. If
it fails, its rows are divided until the rows are known that it fails for.
"""

from __future__ import annotations

import asyncio
from operator import itemgetter
from typing import TYPE_CHECKING

from bulkq.errors import RefusedError, StoppedError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.message_parts import listed
from bulkq.transforms.child import RETURNED
from bulkq.transforms.process_pool import CallTimeout, ProcessCrash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bulkq.model import ParameterSet
    from bulkq.transforms.child import Answer, Row
    from bulkq.transforms.process_pool import ProcessPool

    Rows = Sequence[tuple[object, ...]]

DIVISOR = 8
"""Parts of rows for which the function fails: a row among 5,000 is found by five calls that take too long, and 33 that do not."""


MOST_FAILED = 1_000
"""A function that fails for so many rows one after the other, with errors of one kind, stops the run: their failures would say nothing."""

LATE, DIED = "took longer", "its process died"
BROKEN = (RETURNED, LATE, DIED)
"""How the words begin about a function that is wrong itself. Those about an exception are about its rows."""


@frozen
class ComputedRows:
    """Rows that the function got together, and what it made of them.

    Attributes:
        rows: in the order of the columns.
        sets: the parameter sets; None if it failed.
        wrong: how it failed.
    """

    rows: Rows
    sets: Sequence[ParameterSet] | None
    wrong: str = ""


class RowFunction:
    """The function with its processes.

    Args:
        spec: `MODULE:FUNCTION`.
        processes: where it runs.
        timeout_s: for the rows of one call together; None for no limit.
        names: of the parameters that each dict has to have, and no others.
    """

    trusted = False
    """Whether it has given parameter sets. Until then, an answer of the wrong form is a refusal."""

    def __init__(self, spec: str, processes: ProcessPool, timeout_s: float | None, names: Sequence[str]) -> None:
        self._spec = spec
        self._processes = processes
        self._timeout_s = timeout_s
        self._names = frozenset(names)
        self._pick: Callable[[Row], ParameterSet] = _picker(names)
        self._failed = 0  # rows one after the other, since it has given sets
        self._kind = ""  # of their errors

    async def compute(self, columns: Sequence[str], rows: Rows) -> list[ComputedRows]:
        """Call the function for `rows`. Each row that it fails for is a result of its own.

        Args:
            columns: names of the columns, which are the keys of the dicts.
            rows: the values of each.

        Raises:
            RefusedError: the first answer is not a list of dicts with the parameters, or does not come.
            StoppedError: it fails for `MOST_FAILED` rows, one after the other.
        """
        if not rows:
            return []
        found = await self._call(columns, rows)
        if found.sets is not None:
            self._failed = 0
        if found.sets is not None or len(rows) == 1:
            return [found]
        size = -(-len(rows) // DIVISOR)
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        results = await asyncio.gather(*(self.compute(columns, part) for part in parts))
        if size == 1:
            self._count(one for result in results for one in result if one.sets is None)
        return [one for result in results for one in result]

    def _count(self, failed: Iterable[ComputedRows]) -> None:
        """Count rows that were found to fail when their call was divided.

        Raises:
            StoppedError: they are too many, one after the other.
        """
        for one in failed:
            kind = one.wrong.partition(": ")[2].partition(":")[0]
            self._failed = self._failed + 1 if kind == self._kind else 1
            self._kind = kind
            if self._failed >= MOST_FAILED:
                raise StoppedError(f"{one.wrong}: so for {MOST_FAILED} rows, one after the other: correct the function")

    async def _call(self, columns: Sequence[str], rows: Rows) -> ComputedRows:
        answer, wrong = await self._answer([dict(zip(columns, row, strict=True)) for row in rows])
        raised = answer is None and not wrong.startswith(BROKEN)
        if answer is not None:
            wrong = self._wrong_names(answer)
        if wrong and not raised and not self.trusted:
            raise RefusedError(f"--map {self._spec}: {wrong}: nothing was applied")
        if wrong or answer is None:
            return ComputedRows(rows, None, f"--map {self._spec}: {wrong}")
        self.trusted = self.trusted or bool(answer)
        return ComputedRows(rows, list(map(self._pick, answer)))

    async def _answer(self, rows: list[Row]) -> Answer:
        try:
            (answer,) = await self._processes.apply([rows], self._timeout_s)
        except CallTimeout:
            return None, f"{LATE} than {self._timeout_s:g}s and was killed"
        except ProcessCrash:
            return None, DIED
        except Exception as error:  # noqa: BLE001 - rows that cannot travel between processes
            return None, f"{type(error).__name__}: {' '.join(str(error).split())}"
        return answer

    def _wrong_names(self, answer: Sequence[Row]) -> str:
        """Which names a dict lacks, or has although the query has no such parameter; "" if there are none."""
        wrong = next((row for row in answer if row.keys() != self._names), None)
        if wrong is None:
            return ""
        missing = sorted(self._names - wrong.keys())
        if missing:
            return f"{RETURNED}a row without {listed(missing)}, which the query of --apply needs"
        extra = sorted(wrong.keys() - self._names)
        return f"{RETURNED}a row with {listed(extra)}, which the query of --apply does not have"


def _picker(names: Sequence[str]) -> Callable[[Row], ParameterSet]:
    """What gives the values of `names` of a dict, as a tuple."""
    if len(names) == 1:
        only = names[0]
        return lambda row: (row[only],)
    return itemgetter(*names)

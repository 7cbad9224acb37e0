"""`--map MODULE:FUNCTION`: apply a Python function to result rows before the output.

The function is called once for each parameter set that has rows, with a list of dicts, and gives a list of dicts. A batch is one
trip to a process. An exception is the failure of its set; a call that takes too long is killed, and its batch is sent again
set by set, so that only the culprit fails.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model import Column, SetError
from bulkq.model.own_error_states import MAP_FAILED
from bulkq.text.late_pattern import compile_late
from bulkq.transforms.process_pool import CallTimeout, ProcessCrash, ProcessPool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import BatchResult
    from bulkq.transforms.child import Answer, Row

SPEC = compile_late(r"[\w.]+:[\w.]+")
EXAMPLE = "write MODULE:FUNCTION, as in clean:phone_numbers for phone_numbers in clean.py"


class Mapping:
    """The function with its processes.

    Args:
        spec: `MODULE:FUNCTION`.
        processes: where it runs.
        timeout_s: for the sets of a batch together; None for no limit.
    """

    def __init__(self, spec: str, processes: ProcessPool, timeout_s: float | None) -> None:
        self._spec = spec
        self._processes = processes
        self._timeout_s = timeout_s
        self._columns: dict[tuple[str, ...], tuple[Column, ...]] = {}

    def within(self, timeout_s: float | None) -> Mapping:
        """The same function in the same processes, for a query that has another limit."""
        return Mapping(self._spec, self._processes, timeout_s)

    async def __call__(self, result: BatchResult) -> tuple[BatchResult, tuple[SetError, ...]]:
        """`result` with the rows that the function gives, and the sets of which it gives none because it failed."""
        if not result.rows:
            return result, ()
        names = [column.name for column in result.columns]
        positions: list[int] = []
        sets: list[list[Row]] = []
        rows = (dict(zip(names, values, strict=True)) for values in zip(*result.values, strict=True))
        for position, group in groupby(zip(result.positions, rows, strict=True), key=lambda pair: pair[0]):
            positions.append(position)
            sets.append([row for _, row in group])
        answers = await self._apply(sets)
        errors = tuple(
            SetError(position, MAP_FAILED, f"--map {self._spec}: {wrong}")
            for position, (found, wrong) in zip(positions, answers, strict=True)
            if found is None
        )
        return self._filled(result, positions, answers), errors

    def close(self) -> None:
        """End the processes."""
        self._processes.close()

    async def _apply(self, sets: list[list[Row]]) -> list[Answer]:
        """The answers; where the whole batch has none, each set by itself, so that the culprit is found."""
        try:
            return await self._processes.apply(sets, self._timeout_s)
        except CallTimeout:
            wrong = f"took longer than {self._timeout_s:g}s and was killed"
        except ProcessCrash:
            wrong = "its process died"
        except Exception as error:  # noqa: BLE001 - rows that cannot travel between processes
            wrong = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if len(sets) == 1:
            return [(None, wrong)]
        return [answer for one in sets for answer in await self._apply([one])]

    def _filled(self, result: BatchResult, positions: Sequence[int], answers: Sequence[Answer]) -> BatchResult:
        """`result` in columns again. A row without a column that another has holds NULL there."""
        rows: list[Row] = []
        owners: list[int] = []
        for position, (found, _) in zip(positions, answers, strict=True):
            rows += found or ()
            owners += [position] * len(found or ())
        names = tuple(dict.fromkeys(name for row in rows for name in row))
        columns = self._columns.setdefault(names, tuple(map(Column, names)))
        values = [[row.get(name) for row in rows] for name in names]
        return replace(result, columns=columns, values=values, positions=owners)


async def open_mapping(spec: str, *, concurrency: int) -> Mapping:
    """Import the function, see `open_processes`."""
    return Mapping(spec, await open_processes(spec, concurrency=concurrency), None)


async def open_processes(spec: str, *, concurrency: int, folder: str | None = None) -> ProcessPool:
    """Import the function in a process of its own, before anything is sent.

    Args:
        spec: `MODULE:FUNCTION`; MODULE is looked for in the current folder first.
        concurrency: lanes, beyond which more processes would wait for rows.
        folder: where MODULE is looked for first; None for the current one.

    Raises:
        UsageError: it is not written like that, or cannot be imported there.
    """
    if not SPEC.fullmatch(spec):
        raise UsageError(f'--map "{spec}": {EXAMPLE}')
    processes = ProcessPool(spec, folder or os.getcwd(), max(1, min(concurrency, os.cpu_count() or 1)))  # noqa: PTH109 - a str
    try:
        wrong = await processes.start()
    except (CallTimeout, ProcessCrash):
        wrong = "the process that imports it ended or hung"
    except BaseException:
        processes.close()
        raise
    if wrong:
        processes.close()
        raise UsageError(f'--map "{spec}" cannot be imported: {wrong}: {EXAMPLE}')
    return processes

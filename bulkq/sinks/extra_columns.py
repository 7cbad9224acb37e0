"""`--include n,params,query,target`: columns that say where a row comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model import Column, StatementClass
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import BatchResult, Query

CHOICES = ("n", "params", "query", "target")
ROWCOUNT = "rowcount"


class ExtraColumns:
    """The columns that stand before those of the result: `_target`, `_query`, `_n`, then the parameters.

    Columns in, columns out; nothing is done per row but to repeat a value.
    """

    def __init__(self, include: Sequence[str], *, several: bool = False, targets: bool = False) -> None:
        """Take the names of `--include`; `several` queries into one output add `query`, several `targets` add `target`.

        Raises:
            UsageError: a name that is not one of `CHOICES`.
        """
        for name in include:
            if name not in CHOICES:
                raise UsageError(f'--include "{name}" is unknown: choose from {", ".join(CHOICES)}')
        self.several = several
        added = {name for name, wanted in (("query", several), ("target", targets)) if wanted}
        self.names = frozenset(include) | added
        self._cache: dict[str, tuple[tuple[Column, ...], tuple[Column, ...]]] = {}

    def columns(self, query: Query, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """The columns of the output for a result that has `columns`."""
        if not self.names:
            return columns
        known = self._cache.get(query.name)
        if known is None or known[0] is not columns:
            known = self._cache[query.name] = (columns, self._columns(query, columns))
        return known[1]

    def values(self, result: BatchResult) -> Sequence[Sequence[object]]:
        """The values of the output, one sequence per column of `columns()`."""
        if not self.names:
            return result.values
        count = result.rows
        batch, positions = result.batch, result.positions
        first: list[Sequence[object]] = []
        if "target" in self.names:
            first.append([result.target] * count)
        if "query" in self.names:
            first.append([result.query.name] * count)
        if "n" in self.names:
            start, step = batch.number(0), 1 if batch.shard is None else batch.shard.count
            first.append([start + step * position for position in positions])
        if "params" in self.names:
            for index, parameter in enumerate(result.query.parameters):
                values = [MASK] * count if parameter.secret else [batch.sets[p][index] for p in positions]
                first.append(values)
        return [*first, *result.values]

    def _columns(self, query: Query, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        types = {"target": "text", "query": "text", "n": "bigint"}
        first = [Column(f"_{name}", kind) for name, kind in types.items() if name in self.names]
        taken = {column.name for column in (*first, *columns)}
        if "params" in self.names:
            for parameter in query.parameters:
                name = parameter.name
                while name in taken:
                    name = f"param_{name}"
                taken.add(name)
                first.append(Column(name))
        return (*first, *columns)


def is_rowcount(query: Query, columns: tuple[Column, ...]) -> bool:
    """Whether this result is the count of changed rows that a driver gives where a statement returns none."""
    return (
        len(columns) == 1
        and columns[0].name == ROWCOUNT
        and query.statement is not StatementClass.READ
        and "returning" not in query.sql.lower()
    )

"""Explain the statement of a backfill for some of its ranges, and refuse one that reads the whole table for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.dialects.sqlstates import NO_RIGHT
from bulkq.errors import DatabaseError, RefusedError
from bulkq.lifecycle.backfill.example_ranges import example_ranges
from bulkq.lifecycle.backfill.table_backfill_state import ExplainedRange
from bulkq.lifecycle.literal_statement import is_explained, write_literals
from bulkq.query.identifier_placeholders import name_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.dialects import Dialect
    from bulkq.dialects.query_plan import PlanCatalog, PlanNode
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.model.key_range import KeyRange
    from bulkq.protocols import Connection

DATA = "22"
"""The class of errors of values."""

STATE = "55000"
"""The state of an object forbids it, such as a published table without a replica identity."""

SEQSCAN = "seqscan"
"""Of `--allow`."""


class CannotExecuteError(RefusedError):
    """The role may not execute the statement, or the state of a table forbids it, so every range would fail."""


async def explain_ranges(
    connection: Connection, made: TableBackfill, rows: int, dialect: str
) -> tuple[ExplainedRange, ...]:
    """Explain the statement for the first, a middle and the last range of the key. Nothing is executed.

    Args:
        connection: idle, with the settings of those that execute the ranges.
        made: the table.
        rows: of each range, about.
        dialect: of the database.

    Returns:
        () if the database does not explain the statement, or if the table is empty.

    Raises:
        RefusedError: the plan cannot be read; `CannotExecuteError` if every range would fail.
        DatabaseError: the connection broke.
    """
    known = dialect_for(dialect)
    if known.plans is None or not is_explained(made.statement):
        return ()
    explaining = _Explaining(connection, made, known, known.plans)
    try:
        return tuple([await explaining.explain(*one) for one in await example_ranges(made, rows, dialect)])
    except DatabaseError as error:
        if error.connection_lost:
            raise
        if error.sqlstate == NO_RIGHT:  # PostgreSQL checks rights for EXPLAIN too
            raise CannotExecuteError(
                f"{made.statement.place}: {error}: ask a DBA to grant the right, or connect as another role"
            ) from error
        if error.sqlstate == STATE:
            raise CannotExecuteError(f"{made.statement.place}: {error}") from error
        if (error.sqlstate or "").startswith(DATA):
            raise RefusedError(
                f"{made.statement.place}: {error}: correct --param, or the value in the statement"
            ) from error
        raise RefusedError(
            f"{made.statement.place}: the plan of a range cannot be read: {error}: --allow seqscan leaves it out"
        ) from error


def refuse_scans(made: TableBackfill, explained: Iterable[ExplainedRange]) -> None:
    """Refuse a statement that reads the whole table for each range.

    Raises:
        RefusedError: with the node of the plan that does.
    """
    for one in explained:
        if one.scan is not None:
            names = ", ".join(column.name for column in made.facts.key.columns)
            raise RefusedError(
                f"{made.statement.place}: each range would read the whole of {made.facts.key.table}: {one.scan.line}: "
                f"write the statement so that the index of ({names}) bounds what it reads, or add --allow seqscan"
            )


class _Explaining:
    """Asks for the plans of one statement."""

    def __init__(self, connection: Connection, made: TableBackfill, dialect: Dialect, plans: PlanCatalog) -> None:
        self._connection = connection
        self._made, self._dialect, self._plans = made, dialect, plans
        self._names: frozenset[str] | None = None
        self._partial: frozenset[str] = frozenset()

    async def explain(self, name: str, wanted: KeyRange) -> ExplainedRange:
        """The plan for a range; a scan of the whole table counts only if the planner has no other way."""
        text = self._text(wanted)
        nodes = await self._ask((), text)
        scan = await self._scan(nodes)
        if (
            scan is not None
            and self._plans.careful
            and await self._scan(await self._ask(self._plans.careful, text)) is None
        ):
            scan = None
        return ExplainedRange(name, wanted, nodes, scan)

    async def _ask(self, before: Sequence[str], text: str) -> tuple[PlanNode, ...]:
        return self._plans.read(
            await self._connection.administer([*before, self._plans.explain.format(statement=text)])
        )

    def _text(self, wanted: KeyRange) -> str:
        return write_literals(*self._made.batches.statement(wanted), self._dialect)

    async def _scan(self, nodes: Iterable[PlanNode]) -> PlanNode | None:
        """The node that reads the whole table."""
        whole = [node for node in nodes if node.whole and node.relation]
        if not whole:
            return None
        if self._names is None:
            await self._learn_names()
        assert self._names is not None
        fold = self._fold
        return next((n for n in whole if fold(n.relation) in self._names and n.index not in self._partial), None)

    async def _learn_names(self) -> None:
        """Find the names of the table in a plan. Words behind its name in the statement may be aliases; others do no harm."""
        table = self._made.facts.key.table
        if self._plans.relations:
            query = self._plans.relations.format(table=self._dialect.literal(table))
            rows = await self._connection.administer([query])
            self._names = frozenset(str(name) for kind, name in rows if kind == "table")
            self._partial = frozenset(str(name) for kind, name in rows if kind == "partial")
            return
        (*_, bare) = name_parts(table, f'{self._dialect.quote}"') or (table,)
        behind = re.compile(rf"\b{re.escape(bare)}\b\W?\s+(?:as\s+)?(\w+)", re.IGNORECASE)
        self._names = frozenset(map(self._fold, [bare, *behind.findall(self._made.statement.sql)]))

    def _fold(self, name: str) -> str:
        return name if self._plans.relations else name.casefold()

"""Choose the key by which a table is cut into ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import RefusedError, UsageError
from bulkq.model.key_range import MOST_COLUMNS, TableKey
from bulkq.text.message_parts import first_names, quoted, suggestion_or_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.backfill_catalog import KeyCandidate, TableDescription

MOST_INDEXES = 4
"""Indexes that a message lists."""

ADVICE = "add a primary key, or a unique index on NOT NULL columns"


def choose_key(table: TableDescription, names: Sequence[str] = ()) -> KeyCandidate:
    """Return the primary key of `table`, else its narrowest unique index that can be a key.

    Args:
        table: as the catalog describes it.
        names: columns of the index to take instead, in any order and, if that is unambiguous, in any case.

    Raises:
        UsageError: the table has no such column.
        RefusedError: no index can be the key, or not that of `names`; the message lists the unique indexes with their faults.
    """
    wanted = frozenset(_column(name, table) for name in names)
    found = [one for one in table.candidates if not names or frozenset(one.names) == wanted]
    usable = [one for one in found if not _fault(one) and (names or not one.spare)]
    if not usable:
        raise RefusedError(_refusal(table, found, tuple(names)))
    return min(usable, key=lambda one: (not one.primary, one.width, len(one.columns), one.index))


def key_of(table: TableDescription, chosen: KeyCandidate) -> TableKey:
    """The key of `table` that consists of the columns of `chosen`."""
    return TableKey(table.name, chosen.columns, chosen.index)


def _column(name: str, table: TableDescription) -> str:
    known = {*table.columns, *(column for one in table.candidates for column in one.names if column)}
    if name in known:
        return name
    alike = [column for column in known if column.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    raise UsageError(
        f"{table.name} has no column {quoted(name)}{suggestion_or_names(name, sorted(known))}: correct the key"
    )


def _fault(candidate: KeyCandidate) -> str:
    if not candidate.fault and len(candidate.columns) > MOST_COLUMNS:
        return f"it has {len(candidate.columns)} columns, and a key can have {MOST_COLUMNS}"
    return candidate.fault


def _refusal(table: TableDescription, found: Sequence[KeyCandidate], names: Sequence[str]) -> str:
    on = f" on ({', '.join(names)})" if names else ""
    keys = [f"({', '.join(one.names)})" for one in table.candidates if not _fault(one)]
    instead = f"its keys are {first_names(keys, MOST_INDEXES)}" if keys else ADVICE
    if not found:
        return f"{table.name} has no unique index{on} by which it can be cut into ranges: {instead}"
    faulty = [_shown(one) for one in found if not one.spare]
    more = len(faulty) - MOST_INDEXES
    faults = faulty[:MOST_INDEXES] + ([f"and {more} more"] if more > 0 else [])
    return f"{table.name} has no unique index{on} by which it can be cut into ranges: {'; '.join(faults)}: {instead}"


def _shown(candidate: KeyCandidate) -> str:
    columns = ", ".join(name or "an expression" for name in candidate.names)
    name = f"{quoted(candidate.index)} " if candidate.index else ""
    return f"{name}({columns}): {_fault(candidate)}"

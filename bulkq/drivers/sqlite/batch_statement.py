"""One statement that stands for several sets of a batch of reads, instead of an execution for each.

The statement has copies of the query with UNION ALL between them, see `bulkq.dialects.sqlite_batch_statement`. SQLite compiles it once
for a session. A set then costs two steps of the interpreter less, and its rows are turned into columns with those of others.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import chain, repeat
from operator import add, itemgetter
from typing import TYPE_CHECKING

from bulkq.dialects import sqlite_batch_statement
from bulkq.dialects.sqlite_batch_statement import COPIES, SCHEMA_AND_STATISTICS
from bulkq.drivers.build_reply import PIECE
from bulkq.model import Phase, Reply
from bulkq.policy import batch_form
from bulkq.query.repeat_select import mark_value, repeat_select

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.drivers.sqlite.bind_parameters import SqliteBinding
    from bulkq.drivers.sqlite.transaction import Handle
    from bulkq.model import Column, ParameterSet, Query

    Explain = Callable[[str, int], list[tuple[object, ...]]]
    """Gives the program of a text that has so many parameters, with texts as bytes."""

REFUSED = "one statement for several sets has another program than the query"


@dataclass(slots=True, eq=False)
class SharedStatement:
    """What stands for `COPIES` sets while the schema has the version `schema`."""

    text: str
    schema: object


def share(
    db: Handle, query: Query, columns: tuple[Column, ...], binding: SqliteBinding, explain: Explain
) -> SharedStatement | str:
    """The statement for several sets of `query`, or why there is none. In a transaction; nothing of the user is executed.

    Raises:
        DatabaseError: SQLite cannot read the schema.
    """
    parameters = len(binding.parameters)
    if why := batch_form.why_apart(query):
        return why
    if not columns:
        return "its columns are not known before it is executed"
    ((schema, statistics),) = db.run_own(SCHEMA_AND_STATISTICS, Phase.PREPARING)
    if statistics:
        return "the table sqlite_stat4 makes plans depend on values"
    limits = db.raw.getlimit
    if limits(sqlite3.SQLITE_LIMIT_COMPOUND_SELECT) < COPIES or COPIES * parameters > limits(
        sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER
    ):
        return f"this SQLite does not take {COPIES} copies of it in one statement"
    text = repeat_select(binding.together(lambda _, number: mark_value(number)), parameters, COPIES)
    if text is None:
        return "its text is not a simple SELECT"
    alone = explain(binding.sample, parameters)
    if why := sqlite_batch_statement.why_apart(alone):
        return why
    try:
        many = explain(text, COPIES * parameters)
    except sqlite3.Error:
        return REFUSED
    return SharedStatement(text, schema) if sqlite_batch_statement.is_repeated(alone, many, COPIES) else REFUSED


def execute(
    db: Handle,
    shared: SharedStatement,
    columns: tuple[Column, ...],
    binding: SqliteBinding,
    sets: Sequence[ParameterSet],
    answers: list[int],
) -> Reply:
    """Answer all `sets`, and note in `answers` how many rows each statement had. The last few sets are executed one by one."""
    rows, values = db.cursor.fetchall, list(map(itemgetter(1), binding.calls(sets)))
    run = db.cursor.execute
    found: list[list[object]] = [[] for _ in range(len(columns) + 1)]  # the last one: which copy a row is of
    whole = len(values) - len(values) % COPIES
    for first in range(0, whole, COPIES):
        run(shared.text, tuple(chain.from_iterable(values[first : first + COPIES])))
        answers.append(_append(found, rows()))
    starts = chain.from_iterable(map(repeat, range(0, whole, COPIES), answers))
    positions: list[int] = list(map(add, found.pop(), starts))  # numbers of `repeat_select`
    for position in range(whole, len(values)):
        run(binding.sample, values[position])
        answers.append(_append(found, rows()))
        positions.extend(repeat(position, answers[-1]))
    return Reply(columns, found, positions, together=True)


def _append(columns: list[list[object]], rows: list[tuple[object, ...]]) -> int:
    """Append the values of `rows` to `columns`; return the number of rows."""
    for start in range(0, len(rows), PIECE):
        for column, values in zip(columns, zip(*rows[start : start + PIECE], strict=True), strict=True):
            column.extend(values)
    return len(rows)

"""One statement that stands for all sets of a batch of reads, instead of an execution for each."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from bulkq.drivers.build_reply import transpose_answers
from bulkq.drivers.dbapi.prepare import PREPARE
from bulkq.drivers.dbapi.statement import shape_column
from bulkq.errors import DatabaseError
from bulkq.model import Column, Decoding, Phase
from bulkq.policy.batch_form import why_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.drivers.dbapi.transaction import Transaction
    from bulkq.model import ParameterSet, Reply

SEVERAL_ROWS = "a set has several rows, whose order one statement does not keep"


def share(transaction: Transaction, statement: SqlStatement) -> None:
    """Ask the database for the statement that stands for all sets, or note why there is none."""
    statement.apart = why_apart(statement.query)
    if statement.apart:
        return
    transaction.phase = Phase.PREPARING
    try:
        transaction.begin(PREPARE, statement.query.path)
        found = transaction.adapter.set_statement(transaction, statement)
    except Exception as error:  # noqa: BLE001 - translated
        trouble = transaction.adapter.trouble(error)
        if trouble.lost or transaction.attempt.cancelled:
            transaction.fail(error)
        found = f"the database refuses it as one statement: {trouble.message}"
    finally:
        transaction.rollback()
    if isinstance(found, str):
        statement.apart = found
    else:
        statement.together = found


def execute(transaction: Transaction, statement: SqlStatement, sets: Sequence[ParameterSet]) -> Reply:
    """Answer all `sets` by one statement, in the open transaction.

    Raises:
        DatabaseError: the statement failed, its values cannot travel together, or the order of its rows is not known.
    """
    shared = statement.together
    assert shared is not None, "ask `share` first"
    cursor = transaction.cursors.reader(statement.decoding)
    try:
        values = shared.bind(sets)
    except ValueError as error:
        raise DatabaseError(str(error), sqlstate=None, phase=Phase.ENCODING) from error
    cursor.execute(shared.text, values)
    rows = transaction.fetch(cursor)
    if shared.one_row:
        rows = _sorted(statement, rows)
    return _reply(transaction, statement, rows)


def _sorted(statement: SqlStatement, rows: Sequence[tuple[object, ...]]) -> Sequence[tuple[object, ...]]:
    """The rows in the order of their sets. From the first set with several rows on, `statement` is executed set by set."""
    rows = sorted(rows, key=cast("itemgetter[int]", itemgetter(0)))
    if len({row[0] for row in rows}) < len(rows):
        statement.together, statement.apart = None, SEVERAL_ROWS
        raise DatabaseError(SEVERAL_ROWS, sqlstate=None, phase=Phase.SENT)
    return rows


def _reply(transaction: Transaction, statement: SqlStatement, rows: Sequence[tuple[object, ...]]) -> Reply:
    adapter, decoding = transaction.adapter, statement.decoding
    cursor = transaction.cursors.last_reader(decoding)
    columns = statement.columns or adapter.columns(transaction, cursor, json_wanted=decoding is Decoding.JSON)[1:]
    forms = statement.forms
    if forms is None:
        forms = adapter.forms(transaction, cursor, decoding)[1:]
    turned = transpose_answers((Column("n"), *columns), [rows])
    positions = list(map(int, cast("Sequence[int]", turned.values[0])))
    values = turned.values[1:]
    if any(forms) and positions:
        values = [
            column if form is None else shape_column(form, column, named, positions)
            for form, column, named in zip(forms, values, columns, strict=True)
        ]
    return replace(turned, columns=columns, values=values, positions=positions, together=True)

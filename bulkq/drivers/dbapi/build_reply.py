"""Turn the results of a transaction's sets into the columns of a `Reply`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.drivers.build_reply import list_counts, transpose_answers
from bulkq.drivers.dbapi.statement import shape_column
from bulkq.model import Decoding, StatementClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.drivers.dbapi.pep249 import DbapiCursor
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.drivers.dbapi.transaction import Transaction
    from bulkq.model import Column, Reply

    Rows = Sequence[tuple[object, ...]]


SEVERAL_RESULTS = (
    "applied, but it returned several results with different columns, which one output cannot contain: do not repeat it; "
    "change the procedure to return one result"
)


def reply_of(
    transaction: Transaction,
    statement: SqlStatement,
    cursor: DbapiCursor,
    answers: Sequence[object],
    order: Sequence[int],
) -> Reply:
    """The reply made of `answers`, put back into the order of the sets where they were sorted.

    Args:
        transaction: in which it was executed; `statement`.
        statement: whose answers they are.
        cursor: the one of the last answer.
        answers: of each set its rows, or how many it changed.
        order: of each answer the place of its set.
    """
    if not isinstance(order, range):
        sorted_answers: list[object] = [None] * len(answers)
        for place, answer in zip(order, answers, strict=True):
            sorted_answers[place] = answer
        answers = sorted_answers
    if statement.returns_rows is False or all(isinstance(answer, int) for answer in answers):
        return list_counts(answers)  # type: ignore[arg-type] # ints
    found: list[Rows] = [answer if not isinstance(answer, int) else () for answer in answers]  # type: ignore[misc]
    changes = statement.query.statement is StatementClass.WRITE
    return form_columns(transaction, statement, cursor, found, sum(map(len, found)) if changes else 0)


def form_columns(
    transaction: Transaction, statement: SqlStatement, cursor: DbapiCursor, answers: Sequence[Rows], changed: int = 0
) -> Reply:
    """The rows of the sets as columns, each in the form that is wanted."""
    adapter, decoding = transaction.adapter, statement.decoding
    columns = statement.columns
    if not columns or (statement.forms is None and _are_moved(columns, cursor)):
        columns = adapter.columns(transaction, cursor, json_wanted=decoding is Decoding.JSON)
    forms = adapter.forms(transaction, cursor, decoding) if statement.forms is None else statement.forms
    reply = transpose_answers(columns, answers, changed=changed)
    if not any(forms) or not reply.positions:
        return reply
    made = [
        values if form is None else shape_column(form, values, column, reply.positions)
        for form, values, column in zip(forms, reply.values, columns, strict=True)
    ]
    return replace(reply, values=made)


def add_further_results(
    transaction: Transaction,
    statement: SqlStatement,
    cursor: DbapiCursor,
    reply: Reply,
    fetched: Callable[[DbapiCursor], Rows],
) -> Reply:
    """`reply` with the further results of a procedure, which `cursor` still holds.

    If their columns differ, no output can hold them, and none is given.
    """
    replies, following = [reply], False
    while transaction.adapter.next_result(statement.query, cursor):
        if cursor.description:
            replies.append(form_columns(transaction, statement, cursor, [fetched(cursor)]))
        following = True
    if following:
        transaction.warned.see(cursor, statement.query)
    if len(replies) == 1:
        return reply
    names = [[column.name for column in one.columns] for one in replies]
    if any(name != names[0] for name in names):
        return replace(reply, values=(), positions=(), lost=SEVERAL_RESULTS)
    values = [[value for one in replies for value in one.values[c]] for c in range(len(names[0]))]
    return replace(reply, values=values, positions=[0] * sum(len(one.positions) for one in replies))


def _are_moved(columns: Sequence[Column], cursor: DbapiCursor) -> bool:
    """Whether the answer has other columns than were described, because the table behind a `*` was replaced.

    A name that is only another one is no sign of it: where values are written into the text, it may depend on them.
    """
    then, now = [column.name for column in columns], [str(entry[0]) for entry in cursor.description or ()]
    if then == now or not now:
        return False
    return len(then) != len(now) or any(
        name != now[place] and then.count(name) == now.count(name) == 1 for place, name in enumerate(then)
    )

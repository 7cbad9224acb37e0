"""Prepare a query in a session, and check whether text values fit its parameters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.drivers.bind_parameters import Binding
from bulkq.drivers.build_reply import ROWCOUNT
from bulkq.drivers.dbapi.multi_statement_packet import can_share
from bulkq.drivers.dbapi.quote_identifiers import names_of
from bulkq.drivers.dbapi.statement import SqlStatement
from bulkq.errors import RefusedError
from bulkq.model import Decoding, Limits, Phase, StatementClass
from bulkq.query.classify import may_commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.drivers.dbapi.adapter_return_types import QueryDescription
    from bulkq.drivers.dbapi.adapters.base import Adapter
    from bulkq.drivers.dbapi.transaction import Transaction
    from bulkq.model import BadValue, ParameterSet, Query

PREPARE = Limits(timeout_s=10.0, lock_timeout_s=5.0, read_only=True)


def prepare(
    transaction: Transaction, query: Query, identifiers: Mapping[str, str], decoding: Decoding, *, typed: bool
) -> SqlStatement:
    """Describe `query` as far as the database can; nothing of it is executed.

    Raises:
        DatabaseError: the database refuses the text, or an identifier is not in it.
    """
    transaction.phase = Phase.PREPARING
    adapter = transaction.adapter
    binding: Binding | None = None
    try:
        # MySQL does not even prepare a statement that writes in a READ ONLY transaction; nothing is executed here.
        # A database with one writer would wait for its lock.
        read_only = query.statement is StatementClass.READ or not adapter.concurrent_writes
        limits = replace(PREPARE, read_only=read_only)
        begin = partial(transaction.begin_as_given, limits, query.path)
        transaction.repeat_while_locked(begin, PREPARE.lock_timeout_s)
        names = names_of(adapter, transaction.ask, transaction.connection, identifiers)
        binding = Binding(query, names, typed=typed, style=adapter.style(typed=typed))
        described = adapter.describe(transaction, query, binding)
        around = adapter.around(transaction, binding, described.columns, decoding)
    except Exception as error:  # noqa: BLE001 - translated
        transaction.fail(error, binding=binding, prefix=len(adapter.probe("")[0]))
    finally:
        transaction.rollback()
    statement = _made(adapter, query, binding, described, decoding)
    if around is not None:
        binding.wrap(around.before, around.after)
        statement.forms = around.forms
    return statement


def _made(
    adapter: Adapter, query: Query, binding: Binding, described: QueryDescription, decoding: Decoding
) -> SqlStatement:
    returns = described.returns_rows
    columns = described.columns
    if decoding is not Decoding.JSON:
        columns = tuple(replace(column, raw=False) for column in columns)
    types = {p.name: p.type or "" for p in query.parameters} | dict(described.types or {})
    # A transaction around a change that nothing can undo is of no use; a SELECT keeps its own, where the read-only guard is.
    lasts = bool(described.lasting) and query.statement is not StatementClass.READ
    return SqlStatement(
        query=query,
        columns=(ROWCOUNT,) if returns is False else columns,
        returns_rows=returns,
        parameter_types=tuple(types[p.name] for p in query.parameters),
        single=not query.transaction or _commits(adapter, query) or lasts,
        binding=binding,
        decoding=decoding,
        lasting=described.lasting,
        conversions=described.conversions,
        shares_packets=adapter.joins and can_share(query, adapter.name),
    )


def check(transaction: Transaction, statement: SqlStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
    """Find the text values that the database would not convert."""
    transaction.phase = Phase.PREPARING
    try:
        transaction.begin(PREPARE, statement.query.path)
        return transaction.adapter.check(transaction.ask, statement, sets)
    except Exception as error:  # noqa: BLE001 - translated
        transaction.fail(error)
    finally:
        transaction.rollback()


def must_be_allowed(transaction: Transaction, statement: SqlStatement, *, reading: bool) -> None:
    """Check what the database itself would not refuse.

    Raises:
        Refusal: a rule of ours refuses the statement.
    """
    refused = transaction.adapter.refusal(
        statement.query, statement.binding.sample, transaction.connection, reading=reading
    )
    if refused is not None:
        raise refused


def must_be_claimable(adapter: Adapter, statement: SqlStatement) -> None:
    """Check that a marker in the transaction of `statement` would hold; executes nothing.

    Raises:
        RefusedError: the statement may commit by itself, or changes what no rollback undoes.
    """
    query = statement.query
    if query.transaction and _commits(adapter, query):
        raise RefusedError(
            f"{query.place}: {query.verb} may commit by itself in {adapter.dialect.name}, so nothing can make "
            'it exactly once: write "-- @transaction off" above it, or add --idempotent if repeating it does no harm'
        )
    if query.transaction and statement.lasting:
        raise RefusedError(
            f"{query.place}: {statement.lasting}, so bulkq cannot apply it exactly once: "
            "change the engine of the table: ALTER TABLE ... ENGINE=InnoDB. For bulkq run, you can also add --idempotent if "
            'repeating a set does no harm, or write "-- @mode maintenance" above the statement for at most once'
        )


def _commits(adapter: Adapter, query: Query) -> bool:
    return may_commit(query.statement, query.verb, adapter.name)

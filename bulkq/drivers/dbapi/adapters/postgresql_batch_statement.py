"""One statement for all sets of a batch of reads on PostgreSQL, through any DB-API library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import postgresql
from bulkq.drivers.dbapi.adapter_return_types import SetStatement
from bulkq.text.array_literals import literal_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.drivers.bind_parameters import Style, Values
    from bulkq.drivers.dbapi.adapter_return_types import Probe
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.model import ParameterSet

PROBE = "DECLARE bulkq_sets CURSOR FOR "
"""Lets the server take a statement and lock its tables. Nothing of it is executed before a row is fetched."""


def set_statement(asking: Probe, statement: SqlStatement, style: Style) -> SetStatement | str:
    """The statement of a driver, or why there is none: see `Adapter.set_statement`.

    Raises:
        Exception: the library's, if the server refuses the statement.
    """
    made = written(statement, style)
    if isinstance(made, str):
        return made
    asking.cursor.execute(PROBE + made.text, style.packed((None,) * len(statement.binding.parameters)))
    found = asking.ask(postgresql.why_apart(statement.binding.sample))
    return str(found[0][0]) if found else made


def written(statement: SqlStatement, style: Style) -> SetStatement | str:
    """The statement, or why there is none, before the server is asked. Values travel as text in array literals."""
    binding = statement.binding
    if binding.typed:
        return "its values are of Python's types"
    if not statement.columns:
        return "the server does not take it as a subquery"
    conversions = statement.conversions
    user = binding.together(lambda name, number: f"({conversions[name].of(f'{postgresql.set_value(number)}::text')})")
    count = len(binding.parameters)
    wrapped = postgresql.WrappedNames.of([column.name for column in statement.columns], user)
    items = [f"q.{name}" for name in wrapped.names]
    text = postgresql.set_rows(user, ["text"] * count, items, wrapped.alias, marks=style.marks(count))

    def bind(sets: Sequence[ParameterSet]) -> Values:
        return style.packed(tuple(map(literal_of, binding.arrays(sets))))

    return SetStatement(text, bind)

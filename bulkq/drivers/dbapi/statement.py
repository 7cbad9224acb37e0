"""A prepared query, and the order and form of its values."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.drivers.lock_order import sorted_rows
from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.model.frozen_dataclass import mutable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.dialects.postgresql_text_cast import Conversion
    from bulkq.drivers.bind_parameters import Binding
    from bulkq.drivers.dbapi.adapter_return_types import Form, Forms, SetStatement
    from bulkq.model import Column, Decoding, Limits, ParameterSet, Query


@mutable(eq=False)
class SqlStatement:
    """A query as a session understands it; see `bulkq.protocols.Statement`."""

    query: Query
    columns: tuple[Column, ...]
    returns_rows: bool | None
    parameter_types: tuple[str, ...]
    single: bool
    binding: Binding
    decoding: Decoding
    lasting: str = ""
    """Why what it changes cannot be rolled back; "" where it can."""

    conversions: Mapping[str, Conversion] = field(default_factory=dict)
    """How text becomes the type of each parameter, by name, if the database can be asked to check it."""

    shares_packets: bool = False
    """Several sets of it may travel in one packet, where the session can do that."""

    forms: Forms | None = None
    """What is to be done with its values; None where only its answer tells."""

    together: SetStatement | None = None
    """The statement for all sets of a batch of reads, if there is one."""

    apart: str | None = None
    """Why there is none; "" if there is one, None if the database was not asked."""


def shape_column(form: Form, values: Sequence[object], column: Column, positions: Sequence[int]) -> Sequence[object]:
    """A column in another form; NULL stays, unless the form says that it takes `every` value.

    Raises:
        DatabaseError: a value of it cannot be given.
    """
    made: list[object] = []
    every = getattr(form, "every", False)
    try:
        for value in values:
            made.append(value if value is None and not every else form(value))  # noqa: PERF401 - its length says which one it was
    except ValueError as error:
        raise DatabaseError(
            f'column "{column.name}": {error}', sqlstate="22000", phase=Phase.SENT, position=positions[len(made)]
        ) from error
    return made


def order_sets(
    statement: SqlStatement, sets: Sequence[ParameterSet], limits: Limits
) -> tuple[Sequence[int], Sequence[ParameterSet]]:
    """The sets in the order in which they are executed, and the place of each in `sets`."""
    if limits.ordered or limits.read_only or len(sets) < 2:
        return range(len(sets)), sets
    order = [place for place in statement.query.sorting if place < len(sets[0])]
    numbered = sorted_rows([(*values, i) for i, values in enumerate(sets)], order)
    places = [int(str(row[-1])) for row in numbered]
    return places, [sets[place] for place in places]

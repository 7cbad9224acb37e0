"""A statement with its values as literals: EXPLAIN takes no parameters on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import PlaceholderKind
from bulkq.query.render_query import render

if TYPE_CHECKING:
    from bulkq.dialects import Dialect
    from bulkq.model import ParameterSet, Placeholder, Query

EXPLAINED = frozenset({"UPDATE", "DELETE", "INSERT", "MERGE", "REPLACE", "SELECT", "WITH"})
"""Verbs of statements that databases explain; not CALL and DO."""


def is_explained(query: Query) -> bool:
    """Whether databases explain a statement with this verb and these placeholders."""
    return query.verb in EXPLAINED and all(place.kind is PlaceholderKind.VALUE for place in query.placeholders)


def write_literals(query: Query, values: ParameterSet, dialect: Dialect) -> str:
    """Return the statement with `values` as literals, which take their types from where they stand, as parameters do.

    Args:
        query: with placeholders for values alone.
        values: one for each of its parameters; () stands for NULL in all places.
        dialect: of the database.
    """
    given = values or (None,) * len(query.parameters)
    texts = {parameter.name: value for parameter, value in zip(query.parameters, given, strict=True)}
    types = {parameter.name: parameter.type for parameter in query.parameters}

    def write(place: Placeholder) -> str:
        value = texts[place.name]
        literal = "NULL" if value is None else dialect.literal(str(value))
        return literal if types[place.name] is None else f"CAST({literal} AS {types[place.name]})"

    return render(query, write).text

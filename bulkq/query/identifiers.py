"""The names that `:{name}` placeholders stand for in a parameter set. Called by whoever prepares a statement, and before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError
from bulkq.model import Phase, PlaceholderKind

if TYPE_CHECKING:
    from bulkq.model import ParameterSet, Query

WORDS = {
    type(None): "NULL",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def identifiers(query: Query, values: ParameterSet) -> dict[str, str]:
    """Parameter to name. Only text names something: the text of anything else may be the name of something else.

    Raises:
        DatabaseError: a value is no text, so nothing can be sent.
    """
    wrong = unnamed(query, values)
    if wrong:
        why = no_identifier(query, wrong[0], values)
        raise DatabaseError(why, sqlstate=None, phase=Phase.ENCODING, position=0)
    return {query.parameters[i].name: str(values[i]) for i in _places(query)}


def unnamed(query: Query, values: ParameterSet) -> tuple[int, ...]:
    """Indexes of the parameters that are to name something and do not."""
    return tuple(i for i in _places(query) if not isinstance(values[i], str))


def no_identifier(query: Query, parameter: int, values: ParameterSet) -> str:
    """The complaint about one of `unnamed`; it shows no value."""
    kind = type(values[parameter])
    name = query.parameters[parameter].name
    return f"{WORDS.get(kind, kind.__name__)} is no identifier: write a name (:{{{name}}} of {query.place})"


def _places(query: Query) -> list[int]:
    return [i for i, p in enumerate(query.parameters) if p.kind is PlaceholderKind.IDENTIFIER]

"""Values of `:{name}` placeholders as quoted names of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.query import name_parts
from bulkq.text.message_parts import nearest_hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.drivers.dbapi.adapter_return_types import Ask
    from bulkq.drivers.dbapi.adapters.base import Adapter
    from bulkq.drivers.dbapi.pep249 import DbapiConnection


def names_of(adapter: Adapter, ask: Ask, connection: DbapiConnection, identifiers: Mapping[str, str]) -> dict[str, str]:
    """Each of `identifiers` quoted; the catalog is read where there are any.

    Raises:
        DatabaseError: the database has no such name.
    """
    if not identifiers:
        return {}
    known = adapter.names(ask, connection)
    return {parameter: _quoted(adapter, known, parameter, value) for parameter, value in identifiers.items()}


def _quoted(adapter: Adapter, known: set[str], parameter: str, value: str) -> str:
    quoted = adapter.quoted
    if value in known:
        left, dot, right = value.partition(".")
        return f"{quoted(left)}.{quoted(right)}" if dot and left in known and right in known else quoted(value)
    parts = name_parts(value, adapter.facts.quote)
    if parts and known.issuperset((*parts, ".".join(parts))):
        return ".".join(map(quoted, parts))
    raise DatabaseError(
        f':{{{parameter}}}: the database has no table, column or schema "{value}": write it as the catalog spells it',
        sqlstate="42P01",
        phase=Phase.PREPARING,
        hint=nearest_hint(value, known),
    )

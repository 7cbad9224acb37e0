"""The statements of one query: one, or one for each set of names that its `:{name}` placeholders stand for.

A name that does not exist is the fault of the sets that have it, wherever they stand. Only an error that two different names
do not change is one of the query itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.errors import DatabaseError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.model import Batch, ParameterSet, PartSpec
    from bulkq.protocols import Connection, Statement

MOST = 20
"""Statements that are prepared before a run; each takes a round trip or more."""

SIGNS = ("syntax error", "error in your sql syntax", "parser error")
"""Words of databases about a text that is not SQL; not all have a SQLSTATE for it."""

Names = tuple[object, ...]


class StatementsByIdentifier:
    """What the target says of the statements of a query.

    Attributes:
        statements: by their names; of a query without `:{name}`, the only one has ().
        error: of the query itself: no set can be tried. None where one of the statements is taken, or its sets fail by themselves.
    """

    def __init__(self, spec: PartSpec) -> None:
        self.statements: dict[Names, Statement] = {}
        self.error: DatabaseError | None = None
        self._spec = spec

    @property
    def first(self) -> Statement | None:
        """The first that the target takes."""
        return next(iter(self.statements.values()), None)

    def each(self, batch: Batch) -> Iterator[tuple[Statement, tuple[int, ...] | None]]:
        """Each statement with the positions of its sets in `batch`; None: all of them."""
        if not self._spec.identifiers:
            yield from ((statement, None) for statement in self.statements.values())
            return
        positions: dict[Names, list[int]] = {}
        for position, values in enumerate(batch.sets):
            positions.setdefault(self._names(values), []).append(position)
        yield from (
            (self.statements[names], tuple(places)) for names, places in positions.items() if names in self.statements
        )

    async def prepare(self, connection: Connection, head: Batch) -> None:
        """Let the target prepare the statements of the sets in `head`.

        Raises:
            TargetError: the connection was lost.
        """
        spec = self._spec
        errors: dict[Names, DatabaseError] = {}
        different: dict[Names, ParameterSet] = {}
        for values in head.sets:
            different.setdefault(self._names(values), values)
        for names, values in list(different.items())[:MOST]:
            meant = queries.read_identifiers(spec.query, values)
            try:
                statement = await connection.prepare(spec.query, spec.decoding, typed=spec.typed, identifiers=meant)
            except DatabaseError as error:
                if error.connection_lost:
                    raise TargetError(f"{spec.target}: {error}") from error
                errors[names] = error
            else:
                self.statements[names] = statement
        if not self.statements and (not spec.identifiers or _is_of_the_text(errors)):
            self.error = next(iter(errors.values()))

    def _names(self, values: ParameterSet) -> Names:
        return tuple(values[i] for i in self._spec.identifiers)


def _is_of_the_text(errors: Mapping[Names, DatabaseError]) -> bool:
    """Whether different names lead to one syntax error, which may repeat them."""
    said = [(str(error).lower(), names) for names, error in errors.items()]
    alike = {_without(words, names) for words, names in said}
    return len(said) > 1 and len(alike) == 1 and any(sign in said[0][0] for sign in SIGNS)


def _without(words: str, names: Names) -> str:
    for name in names:
        words = re.sub(rf"(?<!\w){re.escape(str(name).lower())}(?!\w)", "", words)
    return words

"""The maximum number of parameters of a statement, by library or server, and what to do with more. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import RefusedError
from bulkq.model import PlaceholderKind
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.model import Query

POSTGRES_ADVICE = (
    'give the values as one JSON array, "= ANY(:ids::bigint[])", or a file with a row for each, or load them with COPY'
)
SQLITE_ADVICE = (
    'give the values as one JSON array, "IN (SELECT value FROM json_each(:ids))", or a file with a row for each'
)


@frozen
class ParameterLimit:
    """The most parameters of one statement."""

    most: int
    sender: str  # what cannot send more
    advice: str

    def complaint(self, count: int) -> str | None:
        """Why `count` parameters are too many, and what to do; None: they are not."""
        if count <= self.most:
            return None
        return f"{count:,} parameters, and {self.sender} takes at most {self.most:,} in one statement: {self.advice}"

    def refuse(self, query: Query, count: int) -> None:
        """Refuse a query with too many parameters before anything is sent.

        Raises:
            RefusedError: with the number, and what to do.
        """
        complaint = self.complaint(count)
        if complaint is not None:
            raise RefusedError(f"{query.place}: has {complaint}")


ASYNCPG = ParameterLimit(32_766, "asyncpg", POSTGRES_ADVICE)
"""It counts in 16 bits with a sign; one number is that of the set."""

POSTGRES = {
    "psycopg": ParameterLimit(65_535, "psycopg", POSTGRES_ADVICE),
    "psycopg_async": ParameterLimit(65_535, "psycopg", POSTGRES_ADVICE),
    "pg8000": ParameterLimit(32_767, "pg8000", POSTGRES_ADVICE),
}
"""The protocol counts in 16 bits (https://www.postgresql.org/docs/current/protocol-message-formats.html, Bind); psycopg2 sends text."""


def count_of(query: Query) -> int:
    """The parameters that are bound; each once, however often it stands in the text."""
    return len({p.name for p in query.placeholders if p.kind is not PlaceholderKind.IDENTIFIER})

"""The values that an adapter returns about a query, its values and an error."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.dialects.postgresql_text_cast import Conversion
    from bulkq.drivers.dbapi.pep249 import DbapiConnection, DbapiCursor
    from bulkq.model import Column, ParameterSet

    Form = Callable[[Any], object]
    """What makes of a value that the library gave the one that a sink wants.

    Raises:
        ValueError: the library may have lost what the database had.
    """

    Forms = Sequence[Form | None]
    """Of each column; () where nothing is to be done."""

    Counters = Mapping[str, int]
    """Of the session, by the server's names."""

    Ask = Callable[[str], list[tuple[object, ...]]]
    """Executes a statement of our own and gives its rows."""


@frozen
class ErrorDescription:
    """An error of the library in our words."""

    message: str
    sqlstate: str | None
    lost: bool = False  # the connection is of no use any more
    hint: str | None = None
    at: int | None = None  # character offset in the statement that was executed


@frozen
class QueryDescription:
    """What preparing a query found out."""

    columns: tuple[Column, ...] = ()
    returns_rows: bool | None = None
    types: Mapping[str, str] | None = None  # of parameters, by name
    conversions: Mapping[str, Conversion] = field(
        default_factory=dict
    )  # of their texts, by name, if they can be checked
    lasting: str = ""  # a table that it changes, where nothing can be rolled back, and why


@frozen
class SetStatement:
    """One statement for all sets of a batch of reads. Each row begins with the place of its set in the batch."""

    text: str
    bind: Callable[[Sequence[ParameterSet]], Any]
    """What `execute` is given with `text` for the sets of a batch.

    Raises:
        ValueError: these values cannot travel together.
    """

    one_row: bool = False
    """The rows come in no order: the answer counts only if no set has more than one."""


@frozen
class Wrapper:
    """What stands around a statement so that the database itself writes its values."""

    before: str
    after: str
    forms: Forms  # of the columns, as they then come


class Refusal(Exception):
    """A rule of ours refuses a statement."""

    def __init__(self, message: str, sqlstate: str) -> None:
        """Keep the state that says why."""
        super().__init__(message)
        self.sqlstate = sqlstate


class Probe(Protocol):
    """What `describe` is given: one session, and a way to execute on it."""

    connection: DbapiConnection

    @property
    def cursor(self) -> DbapiCursor:
        """A cursor for a statement whose description is of interest."""
        ...

    def ask(self, text: str) -> list[tuple[object, ...]]:
        """Execute a statement of our own and give its rows."""
        ...

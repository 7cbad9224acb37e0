"""A query file as values. A parameter set is a plain `tuple`: on the success path no object of ours is made for each."""

from __future__ import annotations

from dataclasses import field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.model.target import ALONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.model.target import FallbackSchemas, Target

ParameterSet = tuple[object, ...]
"""The values of one execution, in the order of `Query.parameters`."""


class Mode(StrEnum):
    """What a query may do, as its `@mode` says."""

    READ = "read"
    WRITE = "write"
    DDL = "ddl"
    MAINTENANCE = "maintenance"


class StatementClass(StrEnum):
    """What the first words of a statement say it does. A courtesy to the user; the guard is the server's."""

    READ = "read"  # SELECT, VALUES, TABLE, WITH without data-modifying parts, SHOW, EXPLAIN
    WRITE = "write"  # INSERT, UPDATE, DELETE, MERGE, REPLACE, WITH that changes data
    DDL = "ddl"  # CREATE, ALTER, DROP, TRUNCATE, COMMENT, GRANT, REVOKE, REINDEX ...
    MAINTENANCE = "maintenance"  # VACUUM, ANALYZE, CALL, DO, CLUSTER ...
    SESSION = (
        "session"  # BEGIN, COMMIT, SET, LISTEN, PREPARE, LOCK ...: refused everywhere, they escape the transaction
    )


class PlaceholderKind(StrEnum):
    """How a placeholder is written."""

    VALUE = "value"  # :name
    LIST = "list"  # :name*
    IDENTIFIER = "identifier"  # :{name}


@frozen
class Placeholder:
    """One place in `Query.sql` that takes a parameter; `sql[start:end]` is what a driver replaces.

    For a LIST the span is the whole `IN (:ids*)` or `NOT IN (:ids*)`, so that PostgreSQL's driver can write `= ANY($1)`.
    """

    name: str
    kind: PlaceholderKind
    start: int
    end: int
    negated: bool = False


@frozen
class Parameter:
    """One parameter of a query, in the order of its first appearance in the text."""

    name: str
    kind: PlaceholderKind = PlaceholderKind.VALUE
    type: str | None = None  # as declared, e.g. "bigint"; None where nothing was declared
    default: str | None = None  # text, as if it came from a file
    has_default: bool = False
    secret: bool = False


@frozen
class Query:
    """A named SQL statement with placeholders, as `bulkq.query` reads it from a file or from `-e`."""

    name: str
    sql: str  # one statement, the author's text byte for byte, without the closing semicolon
    parameters: tuple[Parameter, ...] = ()
    placeholders: tuple[Placeholder, ...] = ()  # ascending by `start`
    escapes: tuple[int, ...] = ()  # offsets of the backslash of every `\\:`, which a driver leaves out
    where: int | None = None  # offset of the last WHERE outside parentheses
    file: str | None = None  # as the user named it; None for -e
    line: int = 1  # line of `file` on which `sql` starts
    description: str = ""
    statement: StatementClass = StatementClass.READ
    mode: Mode | None = None
    unbounded: bool = False  # UPDATE or DELETE without WHERE
    verb: str = ""  # first keyword, upper case: SELECT, UPDATE, VACUUM
    meant: str | None = None  # where `verb` is none that is known: the one that is near, or ""
    counted: bool = True  # the database says how many rows it changed
    one_row: bool = False  # on PostgreSQL it certainly gives at most one row
    one_set: bool = False  # each attempt has one parameter set
    timeout_s: float | None = None
    no_timeout: bool = False  # `@timeout none`
    lock_timeout_s: float | None = None
    retries: int | None = None
    idempotent: bool | None = None
    transaction: bool = True
    batch: int | None = None
    tags: tuple[str, ...] = ()
    schema: str | None = None  # of --schemas: where names without a schema are looked up first
    behind: FallbackSchemas = ALONE  # where they are looked up then
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # every `@key`, raw, for commands that own it

    @property
    def place(self) -> str:
        """The query as messages name it: `users.sql:norm_phone`, or the bare name for inline SQL."""
        return f"{self.file}:{self.name}" if self.file else self.name

    def within(self, target: Target) -> Query:
        """The query with its names looked up where `target` says."""
        return replace(self, schema=target.schema, behind=target.behind)

    @property
    def path(self) -> tuple[str, ...]:
        """The search path; () where the session's own holds. A DO block is not shown extensions: its names are not seen before it runs."""
        if self.schema is None:
            return ()
        extensions = () if self.verb == "DO" else self.behind.extensions
        return (self.schema, *self.behind.shared, *extensions)

    @property
    def sorting(self) -> tuple[int, ...]:
        """Indexes of `parameters` in the order by which a write batch is sorted: those after WHERE first."""
        where = len(self.sql) if self.where is None else self.where
        keys = {p.name for p in self.placeholders if p.start >= where}
        first = [i for i, p in enumerate(self.parameters) if p.name in keys]
        return (*first, *(i for i in range(len(self.parameters)) if i not in first))

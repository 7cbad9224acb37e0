"""What is true of a database, whichever library talks to it. Every attribute has a default: that of a database not known here."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen(kw_only=True)
class Dialect:
    """One database.

    Attributes:
        name: as query files and markers call it.
        products: its names in `Server.product`, and SQLAlchemy's.
        schemes: what else stands before the `+` of a URL.
        search_path: tables are looked up in a path of schemas, which a session may set.
        names_schemas: a table may be named with its schema.
        libpq: what a URL leaves out, the service file and the environment of libpq add.
        port: of its servers, if the URL has none.
        is_file: the database is a file, or nothing but memory.
        quote: around an identifier.
        backslashes: a string literal doubles them.
        commits_implicitly: a statement may commit the transaction around it.
        dollar_parameters: `$1` is a parameter.
        question_parameters: `?` is a parameter, not an operator.
        parameter_marks: further signs that start a parameter.
        executes_comments: the server executes the text of comments of a certain form.
        is_known: its locks are known to make a marker mean what it says.
        marker_text: type of the run and its owner in the marker tables.
        marker_moment: type of the moment there, with its default.
        table_end: what stands behind the columns of a marker table.
        insert: the verb of a marker.
        shared_lock: what locks the run row until the commit; "" where `hold` or BEGIN does.
        on_conflict: what makes a marker that is there change nothing.
        hold: a statement before the marker, with `{runs}`, `{run}`, `{owner}` and `{turn}`; gives or changes one row.
        take_turn: a statement before a takeover, with `{turn}`.
        returns_updates: UPDATE has RETURNING.
        identity: a query for which physical database this is; "" if its address says so.
        server: a query for what two servers never have in common, not even a server and the copy of its disk.
        server_has_identity: `server` tells servers apart only together with `identity`.
        expectations: an expression for each thing that may be expected of a connection.
        locked: states of a lock that was not granted, beside SQLSTATEs.
        cancelled: states of a statement that was cancelled, beside SQLSTATEs.
        read_only: states of a write that was refused, beside SQLSTATEs.
    """

    name: str = ""
    products: frozenset[str] = frozenset()
    schemes: frozenset[str] = frozenset()
    search_path: bool = False
    names_schemas: bool = True
    libpq: bool = False
    port: str = ""
    is_file: bool = False
    quote: str = '"'
    backslashes: bool = False
    commits_implicitly: bool = False
    dollar_parameters: bool = False
    question_parameters: bool = False
    parameter_marks: str = ""
    executes_comments: bool = False
    is_known: bool = False
    marker_text: str = "text"
    marker_moment: str = "text NOT NULL DEFAULT CURRENT_TIMESTAMP"
    table_end: str = ""
    insert: str = "INSERT"
    shared_lock: str = ""
    on_conflict: str = " ON CONFLICT DO NOTHING"
    hold: str = ""
    take_turn: str = ""
    returns_updates: bool = True
    identity: str = ""
    server: str = ""
    server_has_identity: bool = False
    expectations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by product
    locked: frozenset[str] = frozenset()
    cancelled: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()

    def identifier(self, name: str) -> str:
        """`name` as a quoted identifier."""
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def literal(self, text: str) -> str:
        """`text` as a string literal."""
        doubled = text.replace("'", "''")
        return "'" + (doubled.replace("\\", "\\\\") if self.backslashes else doubled) + "'"

"""The adapter of an unknown library: SQL before and after the user's statement, transactions, values and errors.

`Adapter` is a database of which nothing is known: the library's own transactions, no limits of the server's, no cancelling.
The other modules of this package are the ones that are known.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.dialects import dialect_for
from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription, QueryDescription, Refusal
from bulkq.drivers.dbapi.adapters.error_facts import said
from bulkq.drivers.dbapi.adapters.parameters import convert, doubles_percent, style_of
from bulkq.errors import TargetError
from bulkq.model import Column, Server, StatementClass
from bulkq.model.counts import UNCOUNTED
from bulkq.query.classify import gives_rows
from bulkq.query.tokens import tokenize
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import URL, Dialect

    from bulkq.drivers.bind_parameters import Binding, Style
    from bulkq.drivers.dbapi.adapter_return_types import Ask, Counters, Forms, Probe, SetStatement, Wrapper
    from bulkq.drivers.dbapi.multi_statement_packet import Write
    from bulkq.drivers.dbapi.pep249 import DbapiConnection, DbapiCursor
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.model import BadValue, Claim, Decoding, Limits, ParameterSet, Query, Reply, Setting

TABLE = "bulkq_trial"
"""Made and dropped in the trial of a library that is not believed."""

TRANSACTIONAL = frozenset(
    {"oracle", "mssql", "db2", "ibm_db_sa", "firebird", "firebird.firebird", "cockroachdb", "redshift"}
)
"""Databases whose libraries are known to open a transaction by themselves, as PEP 249 wants it, and to undo it."""


class Adapter:
    """A database of which nothing is known but what PEP 249 says.

    Args:
        dialect: SQLAlchemy's.
    """

    name = ""
    """As `bulkq.query` and `bulkq.markers` know it; "" where they do not."""

    text_parameters = False
    describes = False
    autocommit = False
    """The library opens transactions by itself unless it is told not to."""

    limits_time = False
    """The server ends a statement at its timeout by itself."""

    cancels = False
    """What runs can be ended, whatever the library."""

    ends_quietly = False
    """A statement that is killed, or meets the server's limit, may answer as if it had ended by itself: the clock decides.

    So it does for a library that keeps the interpreter while it waits, and could not be called back in time."""

    in_process = False
    concurrent_writes = True
    says_begin = False
    """Transactions are opened and ended by statements; else the library opens them, and its methods end them."""

    schemas = False
    """`Query.schema` is honoured."""

    sets_together = False
    """One statement may stand for all sets of a batch of reads: `set_statement`."""

    optimistic = False
    """There are no lock waits: if two transactions change one row, the later one fails (40001) and must begin again."""

    commits_or_fails = False
    """A COMMIT that ends with a cancellation has not committed. DuckDB may be interrupted when it has and is about to say so."""

    joins = False
    """Several statements may travel in one packet, their results coming one after another. Seen when a session opens."""

    largest_packet = 0
    """Bytes of such a packet."""

    temporary = ""
    """Makes the table `TABLE` with a column `a` for the session alone, outside a transaction; "" if unknown."""

    quote = ""
    """Around an identifier; "" for that of the dialect."""

    cast = ""
    nothing = ""
    """A statement that does nothing; "" for `question`."""

    tried: frozenset[str] = frozenset()
    """Libraries, by SQLAlchemy's names, that the tests hold on this database."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        known = dialect_for(self.name)
        self.facts = replace(known, quote=self.quote) if self.quote else known
        self.transactional = self.says_begin or dialect.name in TRANSACTIONAL
        """What failed in the middle of a batch is undone. Where that is not known, each set travels alone."""

        self.question = smallest(dialect)
        """The smallest question, whose answer is one row."""

        self.nothing = self.nothing or self.question
        self.believed = dialect.driver in self.tried
        """Of any other library nothing is believed that was not seen: neither its row counts nor a cursor that was used before."""

        self.ends_quietly = self.ends_quietly or not self.believed
        self.counts = self.believed
        """Rows that a write changed are known; `try_library` may find that out of a library that is not believed."""

    # the connection

    def url(self, url: URL, *, read_only: bool) -> URL:
        """What SQLAlchemy is given to connect.

        Raises:
            TargetError: it is seen without connecting that there is no such database.
        """
        database = url.database or ""
        named = not url.host and ("/" in database or "." in database)
        # Some dialects read /a/b as a path from the root. A library may make a file that is not there.
        if read_only and named and not (Path(database).exists() or Path("/", database).exists()):
            raise TargetError(f'no such file "{escape_unprintable(database)}"')
        return url

    def settings(self, text: str) -> tuple[Setting, ...]:  # noqa: ARG002
        """Settings of the server that the library takes from the URL `text` or from its surroundings.

        Raises:
            UsageError: one that cannot be honoured.
        """
        return ()

    def dropped(self, ask: Ask, settings: Sequence[Setting]) -> Setting | None:  # noqa: ARG002
        """The first of `settings` that the session does not have."""
        return None

    def is_open_otherwise(self, error: Exception) -> bool:  # noqa: ARG002
        """Whether a read-only connection did not come about because this process may write to the same file."""
        return False

    def arguments(self, url: URL, application_name: str) -> dict[str, object]:  # noqa: ARG002
        """For the library's `connect`, beside what the URL says."""
        return {}

    def look(self, ask: Ask, connection: DbapiConnection) -> Server:
        """What is at the other end; also settles the session."""
        known = getattr(self.dialect, "server_version_info", None)
        version = ".".join(map(str, known)) if known else self._told(ask, connection)
        numbers = [int(part) for part in version.split(".")[:3] if part.isdigit()]
        number = sum(part * 10 ** (4 - 2 * i) for i, part in enumerate(numbers))
        return Server(self.dialect.name, version, number)

    def _told(self, ask: Ask, connection: DbapiConnection) -> str:
        """The version as many databases tell it, where SQLAlchemy's dialect has not asked."""
        try:
            words = str(ask("SELECT version()")[0][0]).split()
        except Exception:  # noqa: BLE001 - this one tells it otherwise
            words = []
        with suppress(Exception):  # nothing was begun
            connection.rollback()
        return next((word for word in words if word[:1].isdigit()), "unknown")

    def canceller(self, connection: object) -> Callable[[], object] | None:  # noqa: ARG002
        """What ends the statement of the library's `connection`, where the connection itself has no method for it."""
        return None

    def kill(self, pid: int) -> str | None:  # noqa: ARG002
        """A statement that, executed by another session, ends what the session `pid` executes."""
        return None

    def plain_allowed(self, url: URL) -> bool:
        """Whether the URL allows unencrypted connections to another machine; False if the library does not say."""
        return any(name.lower().startswith(("ssl", "tls")) for name in url.query)

    # transactions

    def opening(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """The statements that open a transaction with these limits; `path` is of a query, where `schemas`."""
        return ()

    def alone(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """The statements before one that runs outside a transaction."""
        return ()

    def restyling(self, decoding: Decoding, *, local: bool) -> Sequence[str]:  # noqa: ARG002
        """The statements after `opening` or, where not `local`, after `alone`, for values of this form."""
        return ()

    def afterwards(self, query: Query) -> Sequence[str]:  # noqa: ARG002
        """What takes back what `alone` has set, or what `query` has left open, where it would be in the way."""
        return ()

    def counters(self, ask: Ask, query: Query) -> Counters:  # noqa: ARG002
        """What the server has counted in this session before `query` runs outside a transaction; {} where nothing is needed."""
        return {}

    def undone(self, ask: Ask, query: Query, error: Exception, before: Counters) -> bool:  # noqa: ARG002
        """Whether nothing of `query`, which ran outside a transaction and failed with `error`, lasts for certain."""
        return False

    def kept(self, ask: Ask) -> str:  # noqa: ARG002
        """After a rollback of a write: what the server says of changes that it could not undo; "" where it undid all."""
        return ""

    def left_open(self, ask: Ask, query: Query) -> str:  # noqa: ARG002
        """What `query`, which ran outside a transaction, has left unfinished, as the message of its failure; "" if nothing."""
        return ""

    def durable(self) -> Sequence[str]:
        """Statements in a transaction of our own, so that its commit is on disk."""
        return ()

    def broken_off(self, connection: DbapiConnection) -> bool:  # noqa: ARG002
        """Whether the transaction that we opened is no longer open, as far as the library knows without asking."""
        return False

    def streaming(self, connection: DbapiConnection, cursor: DbapiCursor, query: Query) -> DbapiCursor:  # noqa: ARG002
        """A cursor that does not hold a whole result in memory, where there is one; `cursor` is the usual one."""
        return cursor

    def changed(self, cursor: DbapiCursor, kind: StatementClass) -> int:
        """Rows that the last statement, which is of this kind, changed; `UNCOUNTED` where that is not known."""
        if kind is not StatementClass.WRITE and not self.believed:
            return 0 if kind is StatementClass.DDL else UNCOUNTED
        if not self.counts:
            return UNCOUNTED
        return max(cursor.rowcount, 0) if self.believed else self.counted(cursor)

    def counted(self, cursor: DbapiCursor) -> int:
        """The number of rows that a library gives which is not believed, after one statement that changed some."""
        return cursor.rowcount

    def counts_otherwise(self) -> bool:
        """Count rows in another way from now on, where there is one; whether there is."""
        return False

    # the marker

    def claims(self, claim: Claim) -> Sequence[str]:
        """The statements that claim, in their order; each must change one row."""
        return markers.claiming(claim, self.name)

    # queries

    def refusal(self, query: Query, text: str, connection: DbapiConnection, *, reading: bool) -> Refusal | None:  # noqa: ARG002
        """Why a statement is not executed, beyond what the database says."""
        if reading and query.statement is not StatementClass.READ:
            return Refusal(f"{query.verb} may change data", "25006")
        return None

    def style(self, *, typed: bool) -> Style:  # noqa: ARG002
        """How this library takes placeholders and values."""
        style = style_of(self.dialect.paramstyle, convert, self.cast, text=self.text_parameters)
        return style if doubles_percent(self.dialect) else replace(style, percent=False)

    def quoted(self, name: str) -> str:
        """`name` as an identifier."""
        return self.facts.identifier(name)

    def names(self, ask: Ask, connection: DbapiConnection) -> set[str]:  # noqa: ARG002
        """Every name, also `schema.table`, that a `:{name}` placeholder may take."""
        return {str(row[0]) for row in ask(NAMES) if row[0] is not None}

    def describe(self, asking: Probe, query: Query, binding: Binding) -> QueryDescription:  # noqa: ARG002
        """What is known of `query` before it is executed; what is wrong with it raises the library's error."""
        lasting = ""
        if query.statement is StatementClass.WRITE and not self.transactional:
            lasting = f"{self.dialect.name} is not known to roll back a transaction"
        return QueryDescription(returns_rows=returns_rows(query, self.name), lasting=lasting)

    def probe(self, text: str) -> tuple[str, int]:  # noqa: ARG002
        """What `describe` executes around `text`, so that an error's place can be told: nothing, where places are not known."""
        return "", 0

    def columns(self, asking: Probe, cursor: DbapiCursor, *, json_wanted: bool) -> tuple[Column, ...]:  # noqa: ARG002
        """The result columns of what `cursor` executed last."""
        return tuple(Column(str(entry[0])) for entry in cursor.description or ())

    def cursor(self, connection: DbapiConnection) -> DbapiCursor:
        """A cursor for statements with marks of `style`."""
        return connection.cursor()

    def reading(self, connection: DbapiConnection, decoding: Decoding) -> DbapiCursor | None:  # noqa: ARG002
        """A cursor whose library gives values in the wanted form; None where the usual one is as good."""
        return None

    def decode(self, connection: DbapiConnection, decoding: Decoding) -> None:
        """Have the library give the values of the next statements in this form, where it can be told."""

    def writer(self, cursor: DbapiCursor, *, bare: bool) -> Write:
        """What makes of a statement and its values the bytes that `cursor` would send for them, where `joins`.

        Args:
            cursor: of the library.
            bare: the statement has no values.
        """
        raise NotImplementedError

    warned: Callable[[DbapiCursor], int] | None = None
    """How many warnings the last statement of a cursor had; None where answers do not carry it. Executed for every set."""

    killed_in_warnings: frozenset[str] = frozenset()
    """Verbs whose answer is that of a success when they are killed, with a warning that says so."""

    def means_killed(self, code: int) -> bool:  # noqa: ARG002
        """Whether a warning with this number says that the statement was killed."""
        return False

    def refuses_warning(self, query: Query, code: int | None = None) -> bool:  # noqa: ARG002
        """Whether a warning with this number (None: any) of `query` would be an error of another write."""
        return False

    def too_large(self, values: Sequence[object], error: Exception) -> str:  # noqa: ARG002
        """Why a set with these values is more than the server takes at once, where `error` may come of that; else ""."""
        return ""

    def failure_in(self, query: Query, reply: Reply) -> str:  # noqa: ARG002
        """Why `query`, which ended without an error, failed all the same, as its answer says; "" where it did not."""
        return ""

    def has_more(self, query: Query, cursor: DbapiCursor) -> bool:  # noqa: ARG002
        """Whether a result of `query` follows the last answer of `cursor`."""
        return False

    def next_result(self, query: Query, cursor: DbapiCursor) -> bool:  # noqa: ARG002
        """Go on to the next result of `query`, where one statement may give several; False where there is none."""
        return False

    def around(self, asking: Probe, binding: Binding, columns: Sequence[Column], decoding: Decoding) -> Wrapper | None:  # noqa: ARG002
        """What to put around a query with these columns, where the library could not hold their values."""
        return None

    def set_statement(self, asking: Probe, statement: SqlStatement) -> SetStatement | str:  # noqa: ARG002
        """One statement for all sets of a batch of `statement`, or why there is none. Nothing of the query is executed.

        It must give each set the rows, types and values of an execution of its own. `Binding.together` writes its text, and
        `Binding.arrays` gives its values.
        """
        return "the driver executes each set by itself"

    def forms(self, asking: Probe, cursor: DbapiCursor, decoding: Decoding) -> Forms:  # noqa: ARG002
        """What is to be done with the values that `cursor` gave, of a statement that nothing was put around."""
        return ()

    def check(self, ask: Ask, statement: SqlStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:  # noqa: ARG002
        """Which text values the database would not convert."""
        return []

    # errors

    def trouble(self, error: Exception) -> ErrorDescription:
        """What an error of the library means."""
        found = said(error)
        return ErrorDescription(found.words, found.state, self.is_disconnect(error))

    def stops_midway(self, error: Exception) -> bool:  # noqa: ARG002
        """Whether the library raised `error` while it read an answer, and would take the rest for that of the next statement."""
        return False

    def is_idle(self, trouble: ErrorDescription) -> bool:  # noqa: ARG002
        """Whether a ROLLBACK failed because there was nothing to undo: the database had done so after an error."""
        return False

    def is_disconnect(self, error: Exception) -> bool:
        """Whether SQLAlchemy takes the error for the end of the connection."""
        try:
            return bool(self.dialect.is_disconnect(error, None, None))  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 - an error of a kind that the dialect did not think of
            return False

    def why_not(self, error: Exception, where: str) -> str:
        """Why a connection did not come about."""
        return f"{where}: {one_line(error)}" if where else one_line(error)


NAMES = """\
SELECT table_name FROM information_schema.tables UNION ALL SELECT column_name FROM information_schema.columns
UNION ALL SELECT schema_name FROM information_schema.schemata
UNION ALL SELECT concat(table_schema, '.', table_name) FROM information_schema.tables
UNION ALL SELECT concat(table_name, '.', column_name) FROM information_schema.columns"""


def smallest(dialect: Dialect) -> str:
    """SELECT 1, with the FROM that some databases want."""
    if not hasattr(dialect, "statement_compiler"):
        return "SELECT 1"  # not SQLAlchemy's
    from sqlalchemy import literal_column, select

    try:
        return str(select(literal_column("1")).compile(dialect=dialect))
    except Exception:  # noqa: BLE001 - a dialect that compiles nothing
        return "SELECT 1"


def one_line(error: BaseException) -> str:
    """The words of an error on one line."""
    text = " ".join(str(error).split())
    return text or type(error).__name__


def returns_rows(query: Query, dialect: str) -> bool | None:
    """Whether rows come back, as far as the text tells. RETURNING is a reserved word where it is known."""
    match query.statement:
        case StatementClass.READ:
            return True
        case StatementClass.WRITE:
            return gives_rows(tokenize(query.sql, dialect).tokens)
        case StatementClass.DDL:
            return False
        case _:
            return None

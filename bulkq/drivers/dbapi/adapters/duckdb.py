"""DuckDB: a file, or memory, inside our own process. One instance per file, which all connections of the process share."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bulkq.dialects import DUCKDB
from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription, QueryDescription, Refusal, Wrapper
from bulkq.drivers.dbapi.adapters import duckdb_batch_statement, duckdb_integer_text
from bulkq.drivers.dbapi.adapters.base import Adapter, one_line, returns_rows
from bulkq.drivers.sqlite import file_access
from bulkq.model import BadValue, Column, Decoding, PlaceholderKind, Server, StatementClass
from bulkq.policy.server_error_advice import TRANSACTION_OFF
from bulkq.text import pg_text
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import URL

    from bulkq.drivers.bind_parameters import Binding
    from bulkq.drivers.dbapi.adapter_return_types import Ask, Form, Forms, Probe, SetStatement
    from bulkq.drivers.dbapi.pep249 import DbapiConnection
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.model import Limits, ParameterSet, Query

READS = frozenset({"SELECT", "EXPLAIN"})
"""Kinds of statements that a read-only run executes. COPY, ATTACH, SET and INSTALL change something, and DuckDB's READ ONLY
transaction has no word about them."""

PIVOTED = frozenset({"MULTI", "CREATE", "SELECT", "DROP"})
"""Kinds of the statements that DuckDB makes of a PIVOT without IN: one collects the columns in a type, one is the question."""

QUESTIONS = frozenset(
    [
        *(
            "collations",
            "database_list",
            "database_size",
            "functions",
            "metadata_info",
            "platform",
            "show",
            "show_databases",
        ),
        *("show_tables", "show_tables_expanded", "storage_info", "table_info", "user_agent", "version"),
    ]
)
"""Pragmas that only ask. https://duckdb.org/docs/stable/configuration/pragmas"""

PRAGMA = compile_late(r"\s*pragma\s+(\w+)", re.IGNORECASE)

UNPREPARED = frozenset({"EXPLAIN", "PRAGMA", "CALL"})
"""Statements that DuckDB 2 neither prepares nor describes."""

STATES = (
    ("InterruptException", "57014"),
    ("ConstraintException", "23000"),
    ("ConversionException", "22P02"),
    ("OutOfRangeException", "22003"),
    ("TypeMismatchException", "42804"),
    ("ParserException", "42601"),
    ("SyntaxException", "42601"),
    ("CatalogException", "42P01"),
    ("BinderException", "42000"),
    ("NotImplementedException", "0A000"),
    ("PermissionException", "42501"),
    ("OutOfMemoryException", "53200"),
    ("SerializationException", "40001"),
    ("InvalidInputException", "22023"),
    ("DependencyException", "2BP01"),
)
"""DuckDB has no SQLSTATE; these are PostgreSQL's for its classes of exceptions."""

FATAL = frozenset({"FatalException", "InternalException", "ConnectionException"})
READ_ONLY = ("read-only mode",)
_LINE = compile_late(r"\n\nLINE (\d+): (.*)\n( *)\^", re.DOTALL)
KEPT = 200
"""Characters of DuckDB's explanations, which can fill a screen."""

TIMES = compile_late(
    r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|\b(?:date|time|timetz|timestamp(?:_s|_ms|_us|_ns)?|timestamptz|interval)"""
    r"(?: with time zone)?(?=[][,)]|$)",
    re.IGNORECASE,
)
"""In the name of a type, what Python's types would lose something of (infinity, 24:00, months, nanoseconds), or a quoted name."""

FLOATS = compile_late(r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|\bfloat(?=[][,)]|$)""", re.IGNORECASE)
"""In the name of a type, FLOAT, of which Python makes a double with digits that it never had, or a quoted name."""

ALONE = compile_late(r"Cannot (?:FORCE )?CHECKPOINT|within a transaction|has transaction local changes", re.IGNORECASE)
"""What DuckDB says of a statement that wants no transaction around it."""

DIFFERENT = "different configuration"
PREPARE = "PREPARE bulkq_probe AS "

OPENED_FOR_READING = "the file is open for reading only: remove access_mode=read_only from the URL"


class DuckDB(Adapter):
    """DuckDB, through duckdb-engine or by itself."""

    name = "duckdb"
    tried = frozenset({"duckdb", "duckdb_engine"})
    text_parameters = True
    cancels = True
    in_process = True
    concurrent_writes = False
    says_begin = True
    nothing = "SELECT 1"
    optimistic = True
    sets_together = True
    cast = "CAST({} AS {})"

    def url(self, url: URL, *, read_only: bool) -> URL:
        """The file has to be there: DuckDB would make one."""
        database = url.database or ":memory:"
        if not database.startswith(":memory:") and not re.match(r"[a-z]\w+:", database):
            file_access.must_be_usable(Path(database), write=not read_only)
            if read_only and "access_mode" not in url.query:
                url = url.update_query_dict({"access_mode": "read_only"})
        return url

    def is_open_otherwise(self, error: Exception) -> bool:
        """All connections of a process to one file are configured alike."""
        return DIFFERENT in str(error)

    def look(self, ask: Ask, connection: DbapiConnection) -> Server:  # noqa: ARG002
        """Its version and file."""
        ((version, path, locked),) = ask(
            "SELECT version(), path, readonly FROM duckdb_databases() WHERE database_name = current_database()"
        )
        numbers = [int(n) for n in re.findall(r"\d+", str(version))[:3]]
        number = sum(part * 10 ** (6 - 3 * i) for i, part in enumerate(numbers))
        return Server(
            "duckdb",
            str(version).removeprefix("v"),
            number,
            database=str(path or ":memory:"),
            read_only=OPENED_FOR_READING if locked else "",
        )

    def opening(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """Snapshot isolation; DuckDB waits for no locks and knows no timeouts."""
        return ("BEGIN TRANSACTION READ ONLY" if limits.read_only else "BEGIN TRANSACTION",)

    def refusal(self, query: Query, text: str, connection: DbapiConnection, *, reading: bool) -> Refusal | None:
        """By the kind that DuckDB itself gives the statement."""
        if not reading:
            return None
        kinds = [statement.type.name for statement in cast("Any", connection).extract_statements(text)]
        if all(kind in READS for kind in kinds) or _only_asks(query, kinds, text):
            return None
        return Refusal(f"{query.verb or kinds[0]} may change data", "25006")

    def describe(self, asking: Probe, query: Query, binding: Binding) -> QueryDescription:
        """PREPARE says what is wrong with it, DESCRIBE which columns a SELECT has; neither executes anything."""
        returns = returns_rows(query, self.name)
        if query.statement not in {StatementClass.READ, StatementClass.WRITE} or query.verb in UNPREPARED:
            return QueryDescription(returns_rows=returns)
        asking.ask(PREPARE + binding.sample)
        asking.ask("DEALLOCATE bulkq_probe")
        duckdb_integer_text.guard(asking, query, binding, self.cast)
        if query.statement is StatementClass.WRITE:
            return QueryDescription(returns_rows=returns)
        cursor = asking.cursor
        text = f"DESCRIBE {binding.sample}"
        cursor.execute(text, list(binding.nulls)) if not binding.bare else cursor.execute(text)
        found = cursor.fetchmany(10_000)
        return QueryDescription(tuple(Column(str(row[0]), _named(str(row[1]))) for row in found), returns)

    def probe(self, text: str) -> tuple[str, int]:
        """See `describe`."""
        return PREPARE + text, len(PREPARE)

    def around(self, asking: Probe, binding: Binding, columns: Sequence[Column], decoding: Decoding) -> Wrapper | None:
        """DuckDB itself writes dates, times and intervals; whatever has none of them is executed as it is."""
        written = [_wrapping(column.type) for column in columns]
        if decoding is Decoding.PYTHON or not any(written):
            return None
        names = [f"c{n}" for n in range(1, len(columns) + 1)]
        items = [cast.format(name) if cast else name for name, cast in zip(names, written, strict=True)]
        around = f"SELECT {', '.join(items)} FROM (\n", f"\n) AS q({', '.join(names)})"
        try:
            asking.ask(PREPARE + binding.sample.join(around))
            asking.ask("DEALLOCATE bulkq_probe")
        except Exception as error:
            if self.trouble(error).lost:
                raise
            return None
        return Wrapper(*around, [_form(column.type, decoding) for column in columns])

    def set_statement(self, asking: Probe, statement: SqlStatement) -> SetStatement | str:
        """DuckDB's plans show whether there is one."""
        return duckdb_batch_statement.set_statement(asking, statement, self.cast)

    def forms(self, asking: Probe, cursor: Any, decoding: Decoding) -> Forms:  # noqa: ARG002
        """Of what nothing can be put around, such as RETURNING, no value is believed that may have been another."""
        if decoding is Decoding.PYTHON:
            return ()
        kinds = [str(entry[1]) for entry in cursor.description or ()]
        return [partial(pg_text.certain, kind) if _as_text(kind) else _single(kind, decoding) for kind in kinds]

    def columns(self, asking: Probe, cursor: Any, *, json_wanted: bool) -> tuple[Column, ...]:  # noqa: ARG002
        """Names and DuckDB's types."""
        return tuple(Column(str(entry[0]), _named(str(entry[1]))) for entry in cursor.description or ())

    def changed(self, cursor: Any, kind: StatementClass) -> int:  # noqa: ARG002
        """DuckDB before 1.5 tells it in a row only."""
        if cursor.rowcount >= 0 or not cursor.description:
            return max(int(cursor.rowcount), 0)
        rows = cursor.fetchmany(1)
        return int(rows[0][0]) if rows else 0

    def check(self, ask: Ask, statement: SqlStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Declared parameters: TRY_CAST tells; and texts that would become another integer."""
        found = list(duckdb_integer_text.bad_values(statement, sets))
        known = {(bad.position, bad.parameter) for bad in found}
        for index, parameter in enumerate(statement.query.parameters):
            kind = statement.parameter_types[index]
            if not kind or parameter.kind is not PlaceholderKind.VALUE:
                continue
            made = duckdb_integer_text.made(statement, parameter.name, [values[index] for values in sets])
            values = [(i, str(value)) for i, value in enumerate(made) if value is not None and type(value) is not bytes]
            for start in range(0, len(values), 1000):
                piece = values[start : start + 1000]
                rows = ", ".join(f"({i}, {DUCKDB.literal(v.replace(chr(0), ''))})" for i, v in piece)
                bad = ask(f"SELECT n FROM (VALUES {rows}) AS q(n, v) WHERE TRY_CAST(v AS {kind}) IS NULL ORDER BY n")
                named = dict(piece)
                for (n,) in bad:
                    at = int(str(n))
                    if (at, index) in known:
                        continue
                    found.append(BadValue(at, index, kind, "22P02", f'"{named[at]}" is not of type {kind}'))
        return sorted(found, key=lambda bad: (bad.position, bad.parameter))

    def trouble(self, error: Exception) -> ErrorDescription:
        """By the class of DuckDB's exceptions."""
        text = str(error)
        kinds = {kind.__name__ for kind in type(error).__mro__}
        state = next((state for kind, state in STATES if kind in kinds), None)
        if any(words in text for words in READ_ONLY):
            state = "25006"
        elif "TransactionException" in kinds:
            state = "40001" if "onflict" in text or "Failed to commit" in text else "25000"
        place = _LINE.search(text)
        words = one_line(Exception(text[: place.start()] if place else text)).partition(" Candidate")[0]
        hint = TRANSACTION_OFF if ALONE.search(words) else None
        return ErrorDescription(words[:KEPT], state, bool(kinds & FATAL), hint=hint, at=_offset(place))

    def why_not(self, error: Exception, where: str) -> str:  # noqa: ARG002
        """The file, and who holds it."""
        text = one_line(error)
        if DIFFERENT in text:
            return f"{text}: this process has the file open for reading only"
        if "Could not set lock" in text:
            return f"{text.partition('.')[0]}: DuckDB lets one process write, or several read"
        return text


def _as_text(kind: str) -> str:
    """The type `kind` with text for what Python would lose something of, `struct(a varchar)`; "" where that is nothing."""
    written = TIMES.sub(lambda found: found[1] or "varchar", kind)
    return written if written != kind else ""


def _only_asks(query: Query, kinds: Sequence[str], text: str) -> bool:
    """Whether a statement of other kinds changes nothing all the same: PIVOT in a question, and pragmas that ask."""
    if query.statement is StatementClass.READ and query.verb not in UNPREPARED:
        return PIVOTED.issuperset(kinds)
    pragma = PRAGMA.match(text)
    return kinds == ["PRAGMA"] and pragma is not None and pragma[1].lower() in QUESTIONS


def _wrapping(kind: str) -> str:
    """What to put around a value of the type `kind`: DuckDB's text of times, and the double that has the text of a FLOAT; or ""."""
    written = _as_text(kind)
    if FLOATS.sub(_quoted_or("varchar"), kind) == kind:
        return f"CAST({{}} AS {_escaped(written)})" if written else ""
    text, double = (FLOATS.sub(_quoted_or(instead), written or kind) for instead in ("varchar", "double"))
    return f"CAST(CAST({{}} AS {_escaped(text)}) AS {_escaped(double)})"


def _quoted_or(instead: str) -> Callable[[re.Match[str]], str]:
    return lambda found: found[1] or instead


def _escaped(kind: str) -> str:
    return kind.replace("{", "{{").replace("}", "}}")


def _form(kind: str, decoding: Decoding) -> Form | None:
    """What is to be done with a value of the type `kind` that DuckDB has written."""
    if decoding is Decoding.JSON:
        return pg_text.format_iso if _is_moment(kind) else None
    return pg_text.format_real if kind.lower() == "float" else None


def _single(kind: str, decoding: Decoding) -> Form | None:
    """The same for a value that nothing was put around: the shortest number of which DuckDB would make the same FLOAT."""
    if FLOATS.sub(_quoted_or("double"), kind) == kind:
        return None
    if kind.lower() != "float":
        return partial(pg_text.singles, kind)
    return pg_text.single if decoding is Decoding.JSON else pg_text.format_real


def _named(kind: str) -> str:
    """A type in lower case, where no name of the user's is in it."""
    return kind if re.search("[\"']|[(][a-z_]", kind, re.IGNORECASE) else kind.lower()


def _is_moment(kind: str) -> bool:
    return bool(re.fullmatch(r"timestamp(tz|_\w+| with time zone)?", kind, re.IGNORECASE))


def _offset(place: re.Match[str] | None) -> int | None:
    """The place of a mistake in a statement of one line; DuckDB shows of long ones only a part."""
    if place is None or place[1] != "1" or place[2].startswith("...") or "\n" in place[2]:
        return None
    return len(place[3]) - len(f"LINE {place[1]}: ")

"""PostgreSQL through a DB-API library (psycopg, psycopg2, pg8000 ...): the same SQL around the user's as in the asyncpg driver."""

from __future__ import annotations

import getpass
import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from bulkq.dialects import postgresql
from bulkq.dialects.postgresql_bad_texts import RAISED, of_the_value
from bulkq.drivers import objects_outside_tenant_schema, parameter_limit, postgresql_read_only_errors
from bulkq.drivers.asyncpg import catalog, pg_types
from bulkq.drivers.asyncpg import result_value_forms as forms
from bulkq.drivers.asyncpg.connect_arguments import is_local, timeout_s
from bulkq.drivers.bind_parameters import Binding, Style
from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription, QueryDescription, Refusal
from bulkq.drivers.dbapi.adapters import postgresql_pooler
from bulkq.drivers.dbapi.adapters.base import TABLE, Adapter, returns_rows
from bulkq.drivers.dbapi.adapters.error_facts import said
from bulkq.drivers.dbapi.adapters.parameters import NATIVE, convert, in_parentheses, style_of, unfit
from bulkq.drivers.dbapi.adapters.postgresql_batch_statement import set_statement
from bulkq.drivers.dbapi.adapters.postgresql_cursor import ServerCursor
from bulkq.drivers.dbapi.adapters.postgresql_json_text import read_json_as_text
from bulkq.drivers.dbapi.adapters.postgresql_parameters import (
    PREPARE,
    ParameterTypes,
    TextValidator,
    bind,
    conversions,
    refuse_as_written,
    unwritable,
)
from bulkq.drivers.libpq import resolve_parameters, settings_of
from bulkq.drivers.libpq.parameters import KEYWORDS, find_value, refuse_encoding
from bulkq.drivers.libpq.parameters import SETTINGS as VARIABLES
from bulkq.drivers.libpq.url import hosts_of
from bulkq.drivers.tls_url_options import add_encryption, is_remote
from bulkq.model import BadValue, Column, Decoding, Server, StatementClass
from bulkq.policy.retry import CONNECTIONS
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import URL

    from bulkq.drivers.asyncpg.pg_types import PgType
    from bulkq.drivers.dbapi.adapter_return_types import Ask, Forms, Probe, SetStatement
    from bulkq.drivers.dbapi.pep249 import DbapiConnection, DbapiCursor
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.drivers.libpq import ConnectionParameter
    from bulkq.model import Limits, ParameterSet, Query, Setting

UNTRANSLATABLE = "22P05"
"""What the server says of a character that its encoding does not have; here the library finds it, before anything is sent."""

PREPARABLE = frozenset({"SELECT", "VALUES", "TABLE", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"})
ROWS = frozenset({"SELECT", "VALUES", "TABLE", "WITH"})
KEPT = "SELECT lower(name)::text FROM pg_catalog.pg_settings WHERE source = 'client'"
"""Settings that came with the connection: https://www.postgresql.org/docs/current/view-pg-settings.html"""

VALUE = "SELECT current_setting({}, true)::text"
"""Of those that the view does not show: role, and names of extensions that are not loaded."""

TLS = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()"
JSON = (pg_types.JSON, pg_types.JSONB)
PLAIN = forms.NATIVE | {
    pg_types.FLOAT8,
    pg_types.BYTEA,
    pg_types.DATE,
    pg_types.TIME,
    pg_types.TIMETZ,
    pg_types.NUMERIC,
    *JSON,
}
"""Types whose printed text, or Python value, is what JSON wants; the catalog is asked about all others."""

SOFT_CHECKS = 160_000
"""From PostgreSQL 16 on the server says of a whole column which values it would not convert."""

DECLARE = 'declare its type, as in "-- name: NAME(id: bigint)", or write a cast, as in :id::bigint'
NO_TYPE = frozenset({"42P18", "42P08"})
NOT_POSTGRESQL = compile_late(r"received invalid response to|expected authentication request from server, but received")
MISSING = compile_late(r'database "([^"]*)" does not exist')


class Postgres(Adapter):
    """PostgreSQL."""

    name = "postgres"
    temporary = f"CREATE TEMPORARY TABLE {TABLE} (a integer)"
    tried = frozenset({"psycopg", "psycopg_async", "psycopg2", "pg8000"})
    text_parameters = True
    describes = True
    schemas = True
    cancels = True
    autocommit = True
    limits_time = True
    commits_or_fails = True
    says_begin = True
    nothing = "SELECT 1"
    cast = "({}::{})"

    def __init__(self, dialect: Any) -> None:
        super().__init__(dialect)
        self.sets_together = self.dialect.driver in TEXTS  # only these are held against the other form, byte for byte
        self._asked: tuple[Setting, ...] = ()
        self._number = 0
        self._checks_alive = False  # each transaction through a pooler has the server notice when the pooler drops it
        self._parameters = ParameterTypes()
        self._style = ""  # of dates in the server's own text; "" if it is ISO
        self._types: dict[int, PgType] = {}

    def url(self, url: URL, *, read_only: bool) -> URL:  # noqa: ARG002
        """A host that is not this machine is never talked to in plain text unless the user says so."""
        if not self._libpq:
            return url
        given = self._given(url)
        told = find_value(given, "sslmode") or find_value(given, "requiressl") == "1"
        if told or all(is_local(host) for host, _ in hosts_of(given)):
            return url
        return url.update_query_dict({"sslmode": "require"})

    def settings(self, text: str) -> tuple[Setting, ...]:
        """libpq sends them when it connects; pg8000 and others know no libpq."""
        if not self._libpq:
            return ()
        given = resolve_parameters(text, os.environ)
        refuse_encoding(given)
        # What libpq does not know it refuses by name.
        self._asked = settings_of({name: one for name, one in given.items() if name in KEYWORDS or name in VARIABLES})
        return self._asked

    def dropped(self, ask: Ask, settings: Sequence[Setting]) -> Setting | None:
        """A pooler may be told to ignore them (`ignore_startup_parameters`)."""
        kept = {str(row[0]) for row in ask(KEPT)} if settings else set()
        for one in settings:
            if one.name not in kept and ask(VALUE.format(postgresql.literal(one.name)))[0][0] != one.value:
                return one
        return None

    @staticmethod
    def _given(url: URL) -> dict[str, ConnectionParameter]:
        return resolve_parameters(url.render_as_string(hide_password=False), os.environ)

    def arguments(self, url: URL, application_name: str) -> dict[str, object]:
        """Its name among the server's sessions, how long the network may take, and UTF-8, which every value of ours is.

        Without it the encoding is the database's: of one that is SQL_ASCII psycopg reads bytes, psycopg2 ASCII only.
        """
        if not self._libpq:
            return self._context(url) if self.dialect.driver == "pg8000" else {}
        given = self._given(url)
        named = {} if find_value(given, "application_name") else {"application_name": application_name}
        return named | {"client_encoding": "UTF8", "connect_timeout": math.ceil(timeout_s(given))}

    def _context(self, url: URL) -> dict[str, object]:
        """pg8000 goes on in plain text where the server has no TLS, unless it is given a context; it wants a user, as libpq does not."""
        told = str(url.query.get("ssl_context") or "").lower()
        given: dict[str, object] = {} if url.username else {"user": os.environ.get("PGUSER") or getpass.getuser()}
        if told or is_remote(url):
            given["ssl_context"] = False if told == "false" else add_encryption()
        return given

    def plain_allowed(self, url: URL) -> bool:
        """libpq keeps what the user says, wherever it is said; pg8000 has one option."""
        if self._libpq:
            return bool(find_value(self._given(url), "sslmode"))
        return str(url.query.get("ssl_context") or "").lower() == "false"

    @property
    def _libpq(self) -> bool:
        return self.dialect.driver.startswith("psycopg")

    def look(self, ask: Ask, connection: DbapiConnection) -> Server:
        """As the asyncpg driver looks."""
        read_json_as_text(self.dialect.driver, connection)
        self._iso(ask, connection)
        ((pid, version, number, database, user, standby, most, superuser, free, locked),) = ask(postgresql.LOOK)
        encrypted = [row[0] for row in ask(TLS)]
        self._number = int(str(number))
        pooled = postgresql_pooler.is_between(connection, _int(pid))
        if pooled:
            postgresql_pooler.name_no_statements(connection)
            self._checks_alive = postgresql_pooler.checks_alive(ask, self._number)
        return Server(
            product="postgresql",
            version=str(version).partition(" ")[0],
            version_number=self._number,
            pid=None if pooled else _int(pid),
            pooled=pooled,
            tls=("unverified" if encrypted[0] else "off") if encrypted else "",
            database=str(database),
            user=str(user),
            superuser=bool(superuser),
            in_recovery=bool(standby),
            free_connections=None if pooled else _int(free),
            max_connections=_int(most),
            read_only=postgresql_read_only_errors.explain_read_only(
                ask(postgresql_read_only_errors.WHY)[0], self._asked
            )
            if locked
            else "",
        )

    def _iso(self, ask: Ask, connection: DbapiConnection) -> None:
        """Dates as the libraries read them; psycopg2 has said so to the server when it connected."""
        inner = cast("Any", getattr(connection, "driver_connection", None) or connection)
        if not self._libpq:
            ((style,),) = ask("SELECT current_setting('DateStyle')")
        elif self.dialect.driver == "psycopg2":
            ask("RESET datestyle")
            style = inner.get_parameter_status("DateStyle")
        else:
            style = inner.info.parameter_status("DateStyle")
        if style and not str(style).startswith(postgresql.ISO):
            self._style = str(style)
            ask(f"SET datestyle = '{postgresql.ISO}'")

    def kill(self, pid: int) -> str | None:
        """For libraries without a way of their own."""
        return f"SELECT pg_cancel_backend({pid})"

    # transactions

    def opening(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:
        """BEGIN and its limits in one message."""
        return (postgresql.opening(limits, ordinals=False, path=path, check_alive=self._checks_alive),)

    def alone(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:
        """Limits of the session, and where its names are looked up."""
        return (postgresql.session_limits(limits, path),)

    def restyling(self, decoding: Decoding, *, local: bool) -> Sequence[str]:
        """Text has the date style of the server, as in COPY; Python's values and JSON are read from ISO."""
        if decoding is not Decoding.TEXT or not self._style:
            return ()
        return (f"SET {'LOCAL ' if local else ''}datestyle = {postgresql.literal(self._style)}",)

    def afterwards(self, query: Query) -> Sequence[str]:  # noqa: ARG002
        """Of the session again."""
        return (postgresql.RESET, f"SET datestyle = '{postgresql.ISO}'") if self._style else (postgresql.RESET,)

    def durable(self) -> Sequence[str]:
        """Whatever the server's default is."""
        return ("SET LOCAL synchronous_commit = on",)

    def streaming(self, connection: DbapiConnection, cursor: DbapiCursor, query: Query) -> DbapiCursor:  # noqa: ARG002
        """A cursor of the server's, for what can have one. A single row needs none, and none has parallel workers."""
        several = query.verb in ROWS and not query.one_row
        return cast("DbapiCursor", ServerCursor(cursor)) if several else cursor

    # queries

    def style(self, *, typed: bool) -> Style:
        """Text is sent as a literal of no type, which the server converts to what the place wants."""
        marks = "numeric_dollar" if self.dialect.driver == "pg8000" else self.dialect.paramstyle  # see `cursor`
        style = style_of(marks, _convert, self.cast, text=True)
        if typed and self.dialect.driver == "psycopg2":  # it writes numbers, and `-1::text` is `-(1::text)`
            style = in_parentheses(style)
        return replace(style, bound=parameter_limit.POSTGRES.get(self.dialect.driver))

    def names(self, ask: Ask, connection: DbapiConnection) -> set[str]:  # noqa: ARG002
        """Tables, columns, schemas, functions, types, roles, databases."""
        return {str(row[0]) for row in ask(NAMES) if row[0] is not None}

    def describe(self, asking: Probe, query: Query, binding: Binding) -> QueryDescription:
        """PREPARE says what is wrong and which types the parameters have, a cursor which columns there are."""
        returns = returns_rows(query, self.name)
        probe = Binding(query, binding.identifiers, typed=False, style=DOLLARS)
        if query.verb not in PREPARABLE:
            self._refuse_others(asking, query, probe)
            types = self._parameters.declared(asking, query)
            bind(query, binding, types)
            return QueryDescription(returns_rows=returns, conversions=conversions(query, types))
        types = self._parameters.prepared(asking, probe)
        self._refuse_others(asking, query, probe)
        bind(query, binding, types)
        reads = query.statement is StatementClass.READ
        columns = self._columns(asking, binding) if reads else ()
        if binding.typed and self.dialect.driver == "psycopg2" and not reads:
            refuse_as_written(asking, binding)
        return QueryDescription(
            columns, returns, {name: kind.name for name, kind in types.items()}, conversions=conversions(query, types)
        )

    def _refuse_others(self, asking: Probe, query: Query, probe: Binding) -> None:
        question = objects_outside_tenant_schema.question(query, probe.sample)
        if question is not None:
            objects_outside_tenant_schema.refuse(query, asking.ask(question))

    def _columns(self, asking: Probe, binding: Binding) -> tuple[Column, ...]:
        cursor = asking.cursor
        text = f"DECLARE bulkq_probe CURSOR FOR {binding.sample}"
        cursor.execute(text) if binding.bare else cursor.execute(text, binding.nulls)
        cursor.execute("FETCH 0 FROM bulkq_probe")
        return self.columns(asking, cursor, json_wanted=True)

    def refusal(self, query: Query, text: str, connection: DbapiConnection, *, reading: bool) -> Refusal | None:  # noqa: ARG002
        """The server's READ ONLY transaction is the guard."""
        return None

    def probe(self, text: str) -> tuple[str, int]:
        """See `describe`."""
        prefix = PREPARE.format("........")
        return prefix + text, len(prefix)

    def columns(self, asking: Probe, cursor: DbapiCursor, *, json_wanted: bool) -> tuple[Column, ...]:
        """JSON is embedded as it is, and arrays become JSON."""
        entries = [(str(entry[0]), _int(entry[1])) for entry in cursor.description or ()]
        kinds = self._kinds(asking, [oid for _, oid in entries]) if json_wanted else ()
        raw = {kind.oid for kind in kinds if kind is not None and kind.element} | set(JSON)
        return tuple(Column(name, raw=json_wanted and oid in raw) for name, oid in entries)

    def cursor(self, connection: DbapiConnection) -> DbapiCursor:
        """One that leaves a statement as it is: pg8000 has marks of its own, and doubles percent signs with them."""
        if self.dialect.driver != "pg8000":
            return connection.cursor()
        from bulkq.drivers.dbapi.adapters.postgresql_pg8000 import NumberedCursor

        return cast("DbapiCursor", NumberedCursor(connection))

    def reading(self, connection: DbapiConnection, decoding: Decoding) -> DbapiCursor | None:
        """One that gives the server's own text, where Python's types would lose something of it."""
        if decoding is Decoding.PYTHON:
            return None
        texts_of = TEXTS.get(self.dialect.driver)
        return texts_of(connection, forms.BINARY[decoding]) if texts_of is not None else None

    def set_statement(self, asking: Probe, statement: SqlStatement) -> SetStatement | str:
        """A lateral subquery, executed once for each set."""
        return set_statement(asking, statement, self.style(typed=False))

    def forms(self, asking: Probe, cursor: DbapiCursor, decoding: Decoding) -> Forms:
        """Moments in ISO 8601, arrays as JSON: as the asyncpg driver lets the server write them."""
        if decoding is not Decoding.JSON or self.dialect.driver not in TEXTS:
            return ()
        kinds = self._kinds(asking, [_int(entry[1]) for entry in cursor.description or ()])
        return [None if kind is None else forms.choose_json_converter(kind) for kind in kinds]

    def _kinds(self, asking: Probe, oids: Sequence[int]) -> Sequence[PgType | None]:
        """The types with these oids; None if JSON takes their values as they come."""
        if self.dialect.driver not in TEXTS:
            return [None] * len(oids)
        unknown = sorted(set(oids) - PLAIN - self._types.keys())
        if unknown:
            for row in asking.ask(catalog.TYPES.format(postgresql.literal(f"{{{','.join(map(str, unknown))}}}"))):
                kind = pg_types.PgType(*cast("Any", row))
                self._types[kind.oid] = kind
        return [self._types.get(oid) for oid in oids]

    def check(self, ask: Ask, statement: SqlStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """The server converts them; from PostgreSQL 16 on it says of many at once which it would not."""
        return TextValidator(ask, self._fault, soft=self._number >= SOFT_CHECKS).check(statement, sets)

    def _fault(self, error: Exception) -> tuple[str, str]:
        """SQLSTATE and message of an error that is the fault of the value converted.

        Raises:
            Exception: `error`, if it is not.
        """
        trouble = self.trouble(error)
        source = getattr(getattr(error, "diag", None), "source_function", None)
        if not of_the_value(trouble.sqlstate, source) or (trouble.lost and source != RAISED):
            raise error
        return str(trouble.sqlstate), trouble.message

    # errors

    def stops_midway(self, error: Exception) -> bool:
        """pg8000 raises what Python cannot hold (24:00) from where it reads; its later statements get the answers of earlier ones."""
        known = (self.dialect.loaded_dbapi.Error, UnicodeEncodeError)
        return self.dialect.driver == "pg8000" and not isinstance(error, known)

    def trouble(self, error: Exception) -> ErrorDescription:
        """psycopg and psycopg2 have the server's own fields."""
        if isinstance(error, UnicodeEncodeError):
            return ErrorDescription(unwritable(error), UNTRANSLATABLE)
        details = getattr(error, "diag", None)
        found = said(error)
        state = found.state
        lost = self.is_disconnect(error) or (str(state or "").startswith(("57P", CONNECTIONS)) and not found.foreign)
        message = getattr(details, "message_primary", None) or found.words
        position = getattr(details, "statement_position", None)
        hint = DECLARE if state in NO_TYPE else getattr(details, "message_hint", None)
        return ErrorDescription(message, state, lost, hint, int(position) - 1 if position else None)

    def why_not(self, error: Exception, where: str) -> str:
        """libpq's words, without what it says of each address twice; psycopg2 cannot read those that are no UTF-8."""
        if isinstance(error, UnicodeDecodeError):
            error = Exception(bytes(error.object).decode(errors="replace"))
        text = said(error).words
        if isinstance(error, NotImplementedError):
            return f"the dialect {self.dialect.driver} cannot be used here: {type(error).__name__} {text}".rstrip()
        if not str(error).strip() or NOT_POSTGRESQL.search(text):  # of some garbage libpq says nothing at all
            return f"{where} does not answer as PostgreSQL does: is it the right host and port?"
        if "closed the connection unexpectedly" in text:
            return f"{where} closed the connection at once: is it PostgreSQL, and does it expect TLS?"
        if found := MISSING.search(text):
            return f'database "{found[1]}" does not exist'
        return text


NAMES = """\
SELECT relname::text FROM pg_catalog.pg_class
UNION SELECT attname::text FROM pg_catalog.pg_attribute WHERE NOT attisdropped
UNION SELECT nspname::text FROM pg_catalog.pg_namespace UNION SELECT proname::text FROM pg_catalog.pg_proc
UNION SELECT typname::text FROM pg_catalog.pg_type UNION SELECT rolname::text FROM pg_catalog.pg_roles
UNION SELECT datname::text FROM pg_catalog.pg_database
UNION SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"""


def _convert(value: object) -> object:
    """Lists are arrays, which the libraries write themselves."""
    return value if isinstance(value, list) else convert(value)


DOLLARS = Style("", "${}".format, NATIVE, convert, unfit, lambda _: None, cast="({}::{})")


def _texts_of_psycopg(connection: DbapiConnection, kept: frozenset[int]) -> DbapiCursor:
    from psycopg.types.string import TextLoader

    cursor = connection.cursor()
    inner = cast("Any", getattr(cursor, "_cursor", cursor))  # SQLAlchemy's, of an asyncio connection
    for kind in inner.adapters.types:  # with those that SQLAlchemy has registered: hstore
        for oid in {kind.oid, kind.array_oid} - kept - {0}:
            inner.adapters.register_loader(oid, TextLoader)
    return cursor


def _texts_of_psycopg2(connection: DbapiConnection, kept: frozenset[int]) -> DbapiCursor:
    from psycopg2 import extensions

    cursor = connection.cursor()
    known = {*extensions.string_types, *cast("Any", connection).string_types}  # SQLAlchemy's are the connection's
    whole = extensions.new_type(tuple(known - kept), "BULKQ_TEXT", lambda text, _: text)
    extensions.register_type(whole, cast("Any", cursor))
    return cursor


def _int(value: object) -> int:
    return int(str(value))


TEXTS = {"psycopg": _texts_of_psycopg, "psycopg_async": _texts_of_psycopg, "psycopg2": _texts_of_psycopg2}
"""Libraries that can be made to give the server's text."""

"""The facts about a database, independent of the library. Each attribute has a default, which holds for unknown databases."""

from __future__ import annotations

from dataclasses import field
from importlib import import_module
from typing import TYPE_CHECKING, cast

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.dialects.backfill_catalog import BackfillCatalog
    from bulkq.dialects.key_conversion import KeyConversion
    from bulkq.dialects.maintenance_catalog import MaintenanceCatalog
    from bulkq.dialects.query_plan import PlanCatalog
    from bulkq.dialects.requirement_catalog import RequirementCatalog
    from bulkq.dialects.row_images import ImageCatalog
    from bulkq.dialects.row_key_catalog import RowKeyCatalog
    from bulkq.dialects.throttle_signal_catalog import SignalCatalog


def _always(declared: str, table: str) -> bool:  # noqa: ARG001
    """A column converts a value beside it, whatever its declared type."""
    return True


@frozen(kw_only=True)
class Dialect:
    """One database.

    Attributes:
        name: as query files and markers call it.
        products: its names in `Server.product`, and SQLAlchemy's.
        short: what people call it in `@requires`, beside the products; "" if that is nothing else.
        sqlglot: its name in sqlglot; "" if that is `name`.
        schemes: what else stands before the `+` of a URL.
        search_path: tables are looked up in a path of schemas, which a session may set.
        names_schemas: a table may be named with its schema.
        libpq: what a URL leaves out, the service file and the environment of libpq add.
        port: of its servers, if the URL has none.
        fastest: the fastest library for it, as a URL, Python and the package index call it; () if none is known.
        is_file: the database is a file, or nothing but memory.
        simple_tokens: a text of words, numbers, plain strings and operators is cut as `bulkq.query.simple_tokens` does.
        quote: around an identifier.
        backslashes: a string literal doubles them.
        double_pipe_is_or: `a || b` may be a condition.
        literal_prefix: before the quote of a string literal.
        commits_implicitly: a statement may commit the transaction around it.
        dollar_parameters: `$1` is a parameter.
        question_parameters: `?` is a parameter, not an operator.
        parameter_marks: further signs that start a parameter.
        folds_quoted_names: a quoted name is the same in any case.
        casts_exactly: a cast of a parameter to a type without a length keeps what makes its value equal to others.
        dynamic_types: a value has its type from itself, not from what it is compared with or stored in.
        affinities: where types are dynamic, a query with `:name` of a table: its columns, their types, the table's statement.
        has_affinity: of such a type and statement, whether the column converts a value beside it.
        copied_verbs: verbs of the queries whose result the server sends as CSV.
        executes_comments: the server executes the text of comments of a certain form.
        commits_lazily: a server may answer COMMIT before it is on disk, until a later transaction is written durably.
        is_known: its locks are known to make a marker mean what it says.
        marker_text: type of the run and its owner in the marker tables.
        key_text: type of the text of a key column in the table of ranges.
        marker_moment: type of the moment there, with its default.
        table_end: what stands behind the columns of a marker table.
        insert: the verb of a marker.
        shared_lock: what locks the run row until the commit; "" where `hold` or BEGIN does.
        row_lock: behind a SELECT: what locks its rows against changes, with `{table}`; "" if it needs no lock or has none.
        on_conflict: what makes a marker that is there change nothing.
        hold: a statement before the marker, with `{runs}`, `{run}`, `{owner}` and `{turn}`; gives or changes one row.
        take_turn: a statement before a takeover, with `{turn}`.
        returns_updates: UPDATE has RETURNING.
        major_parts: leading numbers of its version that only a major version changes.
        identity: a query for which physical database this is; "" if its address says so.
        server: a query for what two servers never have in common, not even a server and the copy of its disk.
        server_has_identity: `server` tells servers apart only together with `identity`.
        expectations: an expression for each thing that may be expected of a connection.
        current_schema: an expression for the schema of names that have none.
        databases: a query for all databases of the server: the name, and why none connects to it, with the next step, or ''; "" if
            there is only one.
        schemas: a query for the names of all schemas.
        schemas_like: a query for those that match one of `{patterns}`, without the database's own.
        extension_schemas: a query for those that hold extensions.
        missing_rights: a query for what the role lacks of `{rights}` on `{tables}`: rows of table and rights.
        blockers: a query for the sessions that hold locks which those of `{application}` wait for: rows of a number; "" if it cannot say.
        write_locks: what a change of rows locks until its transaction ends, for people.
        lock_waits: a query for which of `{pids}` wait for a lock: rows of the pid, and of the session that holds the lock its pid and
            name or NULL; "" if the server does not say.
        row_address: a column that says where a row is stored, which each update of the row changes; in capitals.
        sequences: a query for the columns of `{table}`, a literal, whose default takes a number that no rollback gives back; "" if there
            are none.
        misnamed: states of a name that is not one, or is in a schema that is closed to the role.
        locked: states of a lock that was not granted, beside SQLSTATEs.
        cancelled: states of a statement that was cancelled, beside SQLSTATEs.
        read_only: states of a write that was refused, beside SQLSTATEs.
        late: by name of a property below, its value, or as text the module of this room and the name there. The module is imported when the
            property is first asked for: most runs ask for none.
    """

    name: str = ""
    products: frozenset[str] = frozenset()
    short: str = ""
    sqlglot: str = ""
    schemes: frozenset[str] = frozenset()
    search_path: bool = False
    names_schemas: bool = True
    libpq: bool = False
    port: str = ""
    fastest: tuple[str, str, str] | tuple[()] = ()
    is_file: bool = False
    simple_tokens: bool = False
    quote: str = '"'
    backslashes: bool = False
    double_pipe_is_or: bool = False
    literal_prefix: str = ""
    commits_implicitly: bool = False
    dollar_parameters: bool = False
    question_parameters: bool = False
    parameter_marks: str = ""
    folds_quoted_names: bool = True
    casts_exactly: bool = False
    dynamic_types: bool = False
    affinities: str = ""
    has_affinity: Callable[[str, str], bool] = _always
    copied_verbs: frozenset[str] = frozenset()
    executes_comments: bool = False
    commits_lazily: bool = False
    is_known: bool = False
    marker_text: str = "text"
    key_text: str = "text"
    marker_moment: str = "text NOT NULL DEFAULT CURRENT_TIMESTAMP"
    table_end: str = ""
    insert: str = "INSERT"
    shared_lock: str = ""
    row_lock: str = ""
    on_conflict: str = " ON CONFLICT DO NOTHING"
    hold: str = ""
    take_turn: str = ""
    returns_updates: bool = True
    row_address: str = ""
    major_parts: int = 1
    identity: str = ""
    server: str = ""
    server_has_identity: bool = False
    expectations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by product
    current_schema: str = ""
    databases: str = ""
    schemas: str = ""
    schemas_like: str = ""
    extension_schemas: str = ""
    missing_rights: str = ""
    blockers: str = ""
    write_locks: str = ""
    lock_waits: str = ""
    sequences: str = ""
    misnamed: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    cancelled: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    late: Mapping[str, object] = field(default_factory=dict)

    def identifier(self, name: str) -> str:
        """`name` as a quoted identifier."""
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def literal(self, text: str) -> str:
        """`text` as a string literal."""
        doubled = text.replace("'", "''")
        escaped = doubled.replace("\\", "\\\\") if self.backslashes else doubled
        return f"{self.literal_prefix}'{escaped}'"

    def table_queries(self, name: Sequence[str]) -> tuple[str, ...]:
        """The queries of the catalog for the table that `name` names, in parts; () if it cannot be asked."""
        if self.catalog is None:
            return ()
        quoted = self.literal(".".join(map(self.identifier, name)))
        return tuple(query.format(name=quoted, **self.name_values(name)) for query in self.catalog.queries)

    def name_values(self, name: Sequence[str]) -> Mapping[str, str]:
        """The values of `{schema}` and `{table}` in a query of a catalog, of a name in parts."""
        *schema, table = name
        return {"schema": self.literal(schema[-1]) if schema else self.current_schema, "table": self.literal(table)}

    @property
    def catalog(self) -> RowKeyCatalog | None:
        """How it describes a table; None: it is not asked."""
        return cast("RowKeyCatalog | None", self._imported("catalog"))

    @property
    def tables(self) -> BackfillCatalog | None:
        """How it describes a table that is to be changed in ranges; None: that cannot be done."""
        return cast("BackfillCatalog | None", self._imported("tables"))

    @property
    def plans(self) -> PlanCatalog | None:
        """How it explains the plan of a statement; None: it is not asked."""
        return cast("PlanCatalog | None", self._imported("plans"))

    @property
    def signals(self) -> SignalCatalog | None:
        """How it gives the values that throttles read; None: it gives none."""
        return cast("SignalCatalog | None", self._imported("signals"))

    @property
    def requirements(self) -> RequirementCatalog | None:
        """How it is asked what a query requires; None: it knows products and versions alone."""
        return cast("RequirementCatalog | None", self._imported("requirements"))

    @property
    def keys(self) -> KeyConversion | None:
        """How values of a key become text and back; None: its tables cannot be cut into ranges."""
        return cast("KeyConversion | None", self._imported("keys"))

    @property
    def images(self) -> ImageCatalog | None:
        """How it keeps what rows were before a change; None: it keeps nothing."""
        return cast("ImageCatalog | None", self._imported("images"))

    @property
    def maintenance(self) -> MaintenanceCatalog | None:
        """How its objects are maintained; None: they are not."""
        return cast("MaintenanceCatalog | None", self._imported("maintenance"))

    @property
    def wal_position(self) -> str:
        """A query for the bytes of WAL that the server has written since it was made; "" if it does not say."""
        return cast("str", self._imported("wal_position") or "")

    def _imported(self, name: str) -> object:
        home = self.late.get(name)
        if not isinstance(home, str):
            return home
        module, _, value = home.partition(":")
        found: object = getattr(import_module(f"bulkq.dialects.{module}"), value)
        return found

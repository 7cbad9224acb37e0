"""A table that is to be changed in ranges of its key, as the catalog of a database describes it."""

from __future__ import annotations

from dataclasses import field
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from bulkq.dialects.row_key_catalog import plain
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bulkq.dialects.row_key_catalog import Rows
    from bulkq.model.key_range import KeyColumn, TableKey

DIGEST = 12
"""Hexadecimal digits that tell one definition of a trigger from another."""


@frozen
class KeyCandidate:
    """An index by which a table may be cut into ranges.

    Attributes:
        index: its name; "" if it has none.
        columns: in the order of the index; an expression has the name "".
        primary: it is the primary key.
        width: of its values, about, in bytes.
        fault: why it cannot be the key; "" if it can.
        notices: what a user should know if it is the key.
        spare: it is the key only if its columns are named.
    """

    index: str
    columns: tuple[KeyColumn, ...]
    primary: bool = False
    width: int = 0
    fault: str = ""
    notices: tuple[str, ...] = ()
    spare: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


@frozen
class TableDescription:
    """A table, a view or another object of that name.

    Attributes:
        name: quoted where necessary, with its schema where there are schemas.
        columns: every column's type, by name.
        candidates: its unique indexes.
        wrong: what it is, if it is not a table that can be changed in ranges.
        refusal: why its rows cannot be changed safely; "" if they can.
        rows: about how many it has; None if that is not known.
        size: bytes with indexes; None if that is not known.
        notices: what a user should know before, a line each.
        generated: columns that take no value, where the database finds an assignment only when it is executed.
    """

    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    candidates: tuple[KeyCandidate, ...] = ()
    wrong: str = ""
    refusal: str = ""
    rows: int | None = None
    size: int | None = None
    notices: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()


CONTINUE = (
    "if its rows have the keys that they had, bulkq resume with --allow rewritten continues; else start a new run"
)
"""What a user may do after what is not known to have left the keys of rows as they were."""

Traces = dict[str, str]
"""What the catalog says of the rows of a table at one moment, by name. The texts are the dialect's own."""


@frozen
class Suspicion:
    """An event between two moments, after which ranges may not be those of the rows.

    Attributes:
        told: what happened, and what to do, behind the name of the table.
        kind: `replaced`, the name stood for another table; `rewritten`, rows may have other keys; `came`, rows may have come
            behind the ranges that are done, or come back; `left`, rows have left the table, as if they had been deleted.
        question: a query that gives no row if the event has done no harm, of `came` conditions for the rows that may be left, and of
            `left` the name of the table that has them; "" if no question is left.
        condition: for the rows that may be left after `came`; "" if no condition finds them.
        part: of the table, which has these rows, for `part_name`; "" if that is not known.
    """

    told: str
    kind: Literal["replaced", "rewritten", "came", "left"]
    question: str = ""
    condition: str = ""
    part: str = ""


@frozen
class BackfillCatalog:
    """How to ask a database for such a table.

    The queries have `{over}`, the name as the user wrote it, as a literal; `{schema}` and `{table}`, its parts, as literals or an
    expression; `{quoted}`, the parts as an identifier.

    Attributes:
        queries: the first gives no row if nothing has that name.
        read: the answers to all queries -> the table.
        names: a query for the names of all tables that may be meant.
        path: a statement before the queries that sets where names without a schema are looked up, with `{path}`, a literal; "" if
            the session cannot set it.
        rows: a query for the number of rows, which the database may refuse; "" if `read` knows it.
        read_rows: the answer to it -> about how many rows there are.
        servers: a query about replicas and what else is around the server, which it may refuse; "" if there is none.
        read_servers: the answer to it -> notices.
        acting: a query for what is changed or executed beside a change of its rows, for the identity of the table, and for what orders the
            values of columns: rows of kind, name and definition, whose kind is "" and "column" for the last two. "" if there is none.
        session: a query for the settings of the session that decide what a statement means, such as its time zone: rows of name and
            value. "" if there are none.
        types: a query for the types of columns with their lengths, scales and collations: rows of name and type; with `{over}`, as above.
            "" if `read` gives them.
        lasting: ALTER TABLE leaves the identity as it is.
        looks: queries whose answers `read` takes, too, for whether the table can still be cut by its key; `()`: those of `queries`.
        traces: queries for what differs after rows have left the table, come back or got other keys: rows of name and text.
        guarded_traces: further ones, which the database may refuse to a role or not know.
        read_traces: the answers that were given, one behind another -> the traces by name.
        kept: the traces that are recorded, so that the process which goes on with a run compares them.
        suspicions: the traces of two moments and the table's key -> what may have happened between them.
        part_name: traces and the part of a suspicion -> its name, if it is a part of the table now and the role may read it; or "".
        not_of_run: a further condition for rows that may be left after `came`: no range of the run has written them, as far as the table
            `{ranges}` has its ranges; with `{run}`, a literal. "" if the database does not say it.
        one_order: what orders a key -> the same, with one name for types that give the same values the same texts and the same order.
        written: a condition for rows that the transaction itself has written; "" if the database does not know them.
        keep_count: a statement that keeps the number of `{count}`, a query, in the session; "" if it cannot.
        fewer: a query that gives a row if `{count}` gives a lower number than was kept.
        triggers: a query for the names, tables and texts of all triggers, where their texts tell all that they do; "" if they do not.
    """

    queries: tuple[str, ...]
    read: Callable[[Sequence[Rows]], TableDescription]
    names: str
    path: str = ""
    rows: str = ""
    read_rows: Callable[[Rows], int | None] = lambda rows: None  # noqa: ARG005
    servers: str = ""
    read_servers: Callable[[Rows], tuple[str, ...]] = lambda rows: ()  # noqa: ARG005
    acting: str = ""
    session: str = ""
    types: str = ""
    lasting: bool = False
    looks: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    guarded_traces: tuple[str, ...] = ()
    read_traces: Callable[[Rows], Traces] = lambda rows: {plain(name): plain(text) for name, text in rows}
    kept: Callable[[Traces], Traces] = dict
    suspicions: Callable[[Mapping[str, str], Mapping[str, str], TableKey], Iterable[Suspicion]] = lambda *_: ()
    part_name: Callable[[Mapping[str, str], str], str] = lambda *_: ""
    not_of_run: str = ""
    one_order: Callable[[str], str] = str
    written: str = ""
    keep_count: str = ""
    fewer: str = ""
    triggers: str = ""


@frozen
class TableIdentity:
    """What tells a table from another, or from what it was before.

    Attributes:
        table: "" if that is not known.
        acting: what acts when its rows change: kind, name, and a digest of the definition.
        orders: by column, what orders its values; only where a type and a collation of the key do not say it.
    """

    table: str = ""
    acting: tuple[str, ...] = ()
    orders: Mapping[str, str] = field(default_factory=dict)


def read_acting(rows: Rows) -> TableIdentity:
    """What the answer to `BackfillCatalog.acting` says."""
    texts = [tuple(map(plain, row)) for row in rows]
    acting = (one for one in texts if one[0] not in {"", "column"})
    digests = ((kind, name, sha256(text.encode()).hexdigest()[:DIGEST]) for kind, name, text in acting)
    return TableIdentity(
        next((definition for kind, _, definition in texts if not kind), ""),
        tuple(map(" ".join, digests)),
        {name: definition for kind, name, definition in texts if kind == "column"},
    )

"""What MySQL's and MariaDB's catalog says about a table that is to be changed in ranges of its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import mysql_table_traces
from bulkq.dialects.backfill_catalog import BackfillCatalog, KeyCandidate, TableDescription
from bulkq.dialects.mysql_row_key_catalog import COMPUTED
from bulkq.dialects.row_key_catalog import plain
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.key_range import KeyColumn
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import counted, first_names, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkq.dialects.row_key_catalog import Rows

OBJECT = """\
SELECT CONCAT('`', REPLACE(t.table_schema, '`', '``'), '`.`', REPLACE(t.table_name, '`', '``'), '`'),
       t.table_type, COALESCE(t.engine, ''), COALESCE(e.transactions, ''), t.table_rows, t.data_length + t.index_length,
       LOWER(t.table_schema) IN ('mysql', 'sys', 'information_schema', 'performance_schema'),
       (SELECT COUNT(p.partition_name) FROM information_schema.partitions AS p
         WHERE p.table_schema = {schema} AND p.table_name = {table})
  FROM information_schema.tables AS t LEFT JOIN information_schema.engines AS e ON e.engine = t.engine
 WHERE t.table_schema = {schema} AND t.table_name = {table}"""

COLUMNS = """\
SELECT c.column_name, c.data_type, c.column_type, COALESCE(c.character_maximum_length, 0), COALESCE(c.character_set_name, ''),
       COALESCE(c.collation_name, ''), c.is_nullable, c.extra
  FROM information_schema.columns AS c WHERE c.table_schema = {schema} AND c.table_name = {table} ORDER BY c.ordinal_position"""

INDEXES = """\
SELECT s.index_name, s.column_name, COALESCE(s.collation, ''), COALESCE(s.sub_part, 0), s.index_type
  FROM information_schema.statistics AS s
 WHERE s.table_schema = {schema} AND s.table_name = {table} AND s.non_unique = 0 ORDER BY s.index_name, s.seq_in_index"""

AROUND = """\
SELECT 'trigger', g.trigger_name, g.action_timing, g.event_manipulation, ''
  FROM information_schema.triggers AS g
 WHERE g.event_object_schema = {schema} AND g.event_object_table = {table} AND g.event_manipulation <> 'INSERT'
UNION ALL
SELECT 'reference', r.table_name, r.constraint_name, r.delete_rule, r.update_rule
  FROM information_schema.referential_constraints AS r
 WHERE r.unique_constraint_schema = {schema} AND r.referenced_table_name = {table}
 ORDER BY 1, 2, 3"""

ACTING = """\
SELECT '', '', CONCAT('created ', COALESCE(t.create_time, ''))
  FROM information_schema.tables AS t WHERE t.table_schema = {schema} AND t.table_name = {table}
UNION ALL
SELECT 'trigger', g.trigger_name, CONCAT_WS(' ', g.action_timing, g.event_manipulation, g.action_statement)
  FROM information_schema.triggers AS g WHERE g.event_object_schema = {schema} AND g.event_object_table = {table}
UNION ALL
SELECT 'foreign key', r.constraint_name, CONCAT_WS(' ', r.constraint_schema, r.table_name, r.delete_rule, r.update_rule)
  FROM information_schema.referential_constraints AS r
 WHERE r.unique_constraint_schema = {schema} AND r.referenced_table_name = {table}
 ORDER BY 1, 2, 3"""
"""ALTER TABLE that builds a table again gives it another time of creation."""

HALF_YEAR_S = 15_778_800
"""Of the 2^31 seconds that a timestamp can have; the clocks of a zone differ between two of these moments, where it ever sets them."""

MOMENTS = " UNION ALL ".join(f"SELECT {second} AS s" for second in range(HALF_YEAR_S, 2**31, HALF_YEAR_S))
CLOCK = f"""\
SELECT REPLACE(@@session.time_zone, 'SYSTEM', @@system_time_zone) FROM ({MOMENTS}) AS m
 WHERE TIMESTAMPDIFF(SECOND, FROM_UNIXTIME(0), FROM_UNIXTIME(m.s)) <> m.s LIMIT 1"""
"""The time zone of the session, if its clock is ever set back: each timestamp of the hour before is then read as one an hour later."""

NAMES = """\
SELECT t.table_name FROM information_schema.tables AS t
 WHERE t.table_schema = DATABASE() AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
UNION ALL
SELECT CONCAT(t.table_schema, '.', t.table_name) FROM information_schema.tables AS t
 WHERE t.table_schema = {schema} AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"""

SERVERS = "SELECT p.host FROM information_schema.processlist AS p WHERE p.command LIKE 'Binlog Dump%' ORDER BY 1"
"""The replicas that read the binary log; none for a role without the right to see them."""

TABLES = frozenset({"BASE TABLE", "SYSTEM VERSIONED"})

NUMBERS = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8, "decimal": 16, "float": 4, "double": 8}
OTHERS = {
    **dict.fromkeys(("year", "bit", "enum", "date", "time", "timestamp", "datetime"), 8),
    **dict.fromkeys(("uuid", "inet4", "inet6"), 16),
}
WIDTHS = NUMBERS | OTHERS
"""Bytes of a value."""

TEXT_WIDTH = 64

UTC = """connect with ?init_command=SET time_zone='%2B00:00'"""

ACTIONS = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})


@frozen
class DeclaredColumn:
    """A column as it was declared.

    Attributes:
        name: in the case of its declaration.
        type: with `unsigned`, and without a length where a cast without one loses nothing.
        collation: of text, beginning with its character set.
        width: of its values, about, in bytes.
        nullable: its values may be NULL.
        extra: what else was declared.
    """

    name: str
    type: str
    collation: str
    width: int
    nullable: bool
    extra: str

    @property
    def changing(self) -> bool:
        """Its value follows from other columns, or from the clock of an UPDATE."""
        return any(word in self.extra.upper() for word in COMPUTED)

    @property
    def generated(self) -> bool:
        """Its value follows from other columns, so it takes none."""
        return self.changing and "ON UPDATE" not in self.extra.upper()


def read(answers: Sequence[Rows]) -> TableDescription:
    """The table that the answers to `OBJECT`, `COLUMNS`, `INDEXES`, `AROUND` and `CLOCK` describe."""
    ((name, kind, engine, transactions, rows, size, system, partitions), *_), described, indexed, around, clock = (
        [tuple(map(plain, row)) for row in answer] for answer in answers
    )
    columns = {column.name: column for column in (_column(*row) for row in described)}
    return TableDescription(
        name=name,
        columns={column.name: column.type for column in columns.values()},
        candidates=tuple(_indexes(indexed, columns, clock[0][0] if clock else "")),
        wrong=_wrong(kind, system=system == "1"),
        refusal="" if transactions == "YES" else _refusal(engine),
        rows=int(rows) if rows else None,
        size=int(size) if size else None,
        notices=(
            *(line for row in around for line in _around(*row)),
            *_kinds(kind, int(partitions), [column for column in columns.values() if column.changing]),
        ),
        generated=tuple(column.name for column in columns.values() if column.generated),
    )


def read_servers(rows: Rows) -> tuple[str, ...]:
    """The notices of the answer to `SERVERS`."""
    hosts = [plain(row[0]).rpartition(":")[0] or plain(row[0]) for row in rows]
    return tuple(f"replica at {quoted(host)} reads the binary log" for host in hosts)


def _column(
    name: str, kind: str, declared: str, length: str, charset: str, collation: str, nullable: str, extra: str
) -> DeclaredColumn:
    qualified = collation if collation.startswith(charset) else f"{charset}_{collation}"
    width = WIDTHS.get(kind) or min(int(length) or TEXT_WIDTH, TEXT_WIDTH)
    whole = (
        declared if kind == "decimal" else f"{kind} unsigned" if kind in NUMBERS and "unsigned" in declared else kind
    )
    return DeclaredColumn(name, whole, qualified, width, nullable != "NO", extra)


def _wrong(kind: str, *, system: bool) -> str:
    if system:
        return "a table of the server itself, which must not be changed by hand: name a table of yours"
    if "VIEW" in kind:
        return "a view: name the table under it"
    if kind == "SEQUENCE":
        return "a sequence: name a table"
    return "" if kind in TABLES else "a temporary table, which other connections do not see: name a permanent table"


def _refusal(engine: str) -> str:
    return (
        f"its engine {engine} has no transactions, so a range could be applied in part or twice: "
        "ALTER TABLE ... ENGINE=InnoDB"
    )


def _indexes(
    indexed: Sequence[Sequence[str]], columns: Mapping[str, DeclaredColumn], zone: str
) -> Iterator[KeyCandidate]:
    by_folded = {name.lower(): column for name, column in columns.items()}
    for index in dict.fromkeys(row[0] for row in indexed):
        rows = [row for row in indexed if row[0] == index]
        found = [by_folded.get(row[1].lower()) for row in rows]
        yield KeyCandidate(
            index=index,
            columns=tuple(
                KeyColumn(column.name, column.type, column.collation) if column else KeyColumn("", "")
                for column in found
            ),
            primary=index == "PRIMARY",
            width=sum(column.width for column in found if column),
            fault=next(filter(None, (_fault(column, row, zone) for column, row in zip(found, rows, strict=True))), ""),
        )


def _fault(column: DeclaredColumn | None, row: Sequence[str], zone: str) -> str:
    _, _, order, cut, method = row
    if column is None:
        return "it has an expression"
    name = quoted(column.name)
    if method != "BTREE":
        return f"its type {method} has no order"
    if cut != "0":
        return f"it holds only the first {cut} characters of its column {name}"
    if column.nullable:
        return f"its column {name} may be NULL"
    if column.changing:
        return f"its column {name} is computed, so an UPDATE may change it"
    if column.type == "timestamp" and zone:
        return f"the hour before the clock is set back cannot be named in its column {name}, as the session has the time zone {zone}: {UTC}"
    return "" if order == "A" else f"its column {name} is in descending order"


def _around(kind: str, name: str, first: str, second: str, third: str) -> Iterator[str]:
    if kind == "trigger":
        yield f"trigger {quoted(name)} is called {first} {second} for each row"
        return
    actions = "".join(
        f" ON {event} {rule}" for event, rule in (("DELETE", second), ("UPDATE", third)) if rule in ACTIONS
    )
    yield f"{name} refers to it by {quoted(first)}{actions}"


def _kinds(kind: str, partitions: int, changing: Sequence[DeclaredColumn]) -> Iterator[str]:
    if partitions:
        yield f"divided into {counted(partitions, 'partition')}"
    if kind == "SYSTEM VERSIONED":
        yield "a system-versioned table: it keeps every row that is changed or deleted as history"
    if changing:
        yield f"each UPDATE may also change {first_names([column.name for column in changing], 3)}, which the server computes"


INTEGERS = compile_late(r" (?:tiny|small|medium|big)?int(?:\(\d+\))?(?=[,;]| unsigned|$)")


def one_order(text: str) -> str:
    """All signed integers have one order, and so have all unsigned ones: a column may get another of these types meanwhile."""
    return INTEGERS.sub(" int", text)


SESSION = """\
SELECT 'time_zone', CASE @@time_zone WHEN 'SYSTEM' THEN @@system_time_zone ELSE @@time_zone END
UNION ALL SELECT 'sql_mode', @@sql_mode"""
"""How times are meant, and what strings, signs and wrong values are."""

CATALOG = BackfillCatalog(
    queries=(OBJECT, COLUMNS, INDEXES, AROUND, CLOCK),
    read=read,
    names=NAMES,
    servers=SERVERS,
    read_servers=read_servers,
    acting=ACTING,
    session=SESSION,
    traces=(mysql_table_traces.TABLES, mysql_table_traces.COLUMNS),
    guarded_traces=mysql_table_traces.NUMBERS,
    kept=mysql_table_traces.kept,
    suspicions=mysql_table_traces.suspicions,
    one_order=one_order,
    keep_count="SET @bulkq_rows = ({count})",
    fewer="SELECT 1 FROM DUAL WHERE @bulkq_rows > ({count})",
)

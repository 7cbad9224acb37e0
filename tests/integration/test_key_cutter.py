"""Ranges of a key hold every row of a table exactly once, whatever the type of the key, on every database."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq import query as queries
from bulkq.dialects import dialect_for, key_ranges
from bulkq.errors import RefusedError
from bulkq.lifecycle.backfill.cutter import KeyCutter, closing_ranges
from bulkq.model import Decoding, Limits
from bulkq.model.key_range import KeyColumn, KeyRange, Position, TableKey
from tests.support.databases import DRIVERS, KINDS, Database, connected, fresh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects import Dialect
    from bulkq.protocols import Connection

TEXTS = [
    "",
    "'",
    "''",
    '"',
    "\\",
    "\\'",
    ":a",
    "::int",
    "%",
    "%s",
    "%(a)s",
    "?",
    "$1",
    "é",
    "ß",
    "ss",
    "ä",
    "z",
    "Z",
    "a b",
    "日本",
    "a--b",
]
WORDS = [*TEXTS, *(f"{a}{b}" for a in "abcABC:" for b in ["", "x", "X ", "'y", "\\"])]
ASCII = [word for word in WORDS if word.isascii() and word == word.lower().rstrip()]
FOLDED = [word for word in ASCII if word != "''"]
NUMBERS = [-(2**63), -5, 0, *range(10, 30), 10**8, *range(5 * 10**8, 5 * 10**8 + 9), 2**63 - 1]
DECIMALS = ["-1000.5", "-0.1", "-0.1000001", "12345678901234567890.123456", *(f"{i}.{i:02}" for i in range(40))]
MOMENTS = [f"20{y:02}-{m:02}-28 23:59:59.{m:06}" for y in range(10, 14) for m in range(1, 13)]
UUIDS = [f"{i * 7919 % 256:02x}{i:06x}-0000-4000-8000-{i:012x}" for i in range(40)]
GROUPS = [(1, 1), (2, 1), (3, 30), (4, 2), (5, 3), (6, 60), (7, 1), (9, 30)]
PAIRS = [(g, n * 3) for g, size in GROUPS for n in range(size)]
TRIPLES = [
    (a, b, n) for a, size in [(1, 1), (2, 20), (3, 1), (5, 5)] for b in range(size) for n in range(1 + b * b % 7)
]
FOLDED_PAIRS = [("aAbBcC"[i * i // 7 % 2 + i // 40 * 2], i % 40) for i in range(120)]
FOLDED_TRIPLES = [
    ("aAbB"[i % 2 + i // 60 * 2], "xXyYzZ"[i * i // 7 % 2 + i % 60 // 20 * 2], i % 20) for i in range(120)
]


@dataclass(frozen=True)
class Case:
    """A table: the columns of its key in SQL, as the key describes them, and its rows."""

    columns: dict[str, tuple[str, str, str]]  # name -> declared, type, collation
    rows: Sequence[tuple[object, ...]]


def single(declared: str, kind: str, values: Sequence[object], collation: str = "") -> Case:
    """A key of one column, whose name needs quotes."""
    return Case({"The key": (declared, kind, collation)}, [(value,) for value in values])


def composite(declared: Sequence[str], kind: str, rows: Sequence[tuple[object, ...]], collation: str = "") -> Case:
    """A key of several columns, in an order that is not the names'."""
    kinds = [text if text == "integer" else kind for text in declared]
    named = zip("cab", declared, kinds, strict=False)
    return Case({name: (text, found, collation) for name, text, found in named}, rows)


CASES: dict[str, dict[str, Case]] = {
    "postgresql": {
        "integer": single("integer", "integer", range(1, 100)),
        "gaps": single("bigint", "bigint", NUMBERS),
        "uuid": single("uuid", "uuid", UUIDS),
        "numeric": single("numeric", "numeric", DECIMALS),
        "timestamptz": single("timestamptz", "timestamp with time zone", [*MOMENTS, "infinity", "0044-03-15 BC"]),
        "C": single('text COLLATE "C"', "text", WORDS),
        "text": single("text", "text", WORDS),
        "varchar": single("varchar(20)", "character varying", WORDS),
        "char": single("char(20)", "bpchar", [word for word in WORDS if word == word.rstrip()]),
        "bytea": single("bytea", "bytea", [f"\\x{i:02x}27" for i in range(100)]),
        "pairs": composite(["integer", "bigint"], "bigint", PAIRS),
        "triples": composite(["bigint", "smallint", "integer"], "bigint", TRIPLES),
        "words": composite(['text COLLATE "C"', "text"], "text", list(itertools.product(TEXTS[:6], WORDS[::3]))),
    },
    "sqlite": {
        "gaps": single("bigint", "bigint", NUMBERS),
        "text": single("text", "TEXT", WORDS),
        "nocase": single("text COLLATE NOCASE", "TEXT", [word for word in WORDS if word == word.lower()], "NOCASE"),
        "folded": composite(["text COLLATE NOCASE", "integer"], "text", FOLDED_PAIRS, "NOCASE"),
        "mixed": single("numeric", "numeric", [*NUMBERS, *WORDS, 0.5, 1e300, -2.25]),
        "pairs": composite(["integer", "integer"], "integer", PAIRS),
        "triples": composite(["integer", "any", "integer"], "integer", TRIPLES),
        "words": composite(["text", "text"], "text", list(itertools.product(TEXTS[:6], WORDS[::3]))),
    },
    "mariadb": {
        "gaps": single("bigint", "bigint", NUMBERS),
        "unsigned": single("bigint unsigned", "bigint unsigned", [*NUMBERS[2:], 2**64 - 1]),
        "uuid": single("uuid", "uuid", UUIDS),
        "numeric": single("decimal(40,10)", "decimal", DECIMALS),
        "datetime": single("datetime(6)", "datetime", MOMENTS),
        "float": single("float", "float", [n / 7 for n in range(60)]),
        "enum": single(f"enum({','.join(map(repr, 'zyxabc'))})", "enum", list("zyxabc")),
        "binary": single("varchar(20) COLLATE utf8mb4_bin", "varchar", WORDS, "utf8mb4_bin"),
        "nocase": single("varchar(20) COLLATE utf8mb4_unicode_ci", "varchar", FOLDED, "utf8mb4_unicode_ci"),
        "latin": single("char(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "char", ASCII, "latin1_swedish_ci"),
        "folded": composite(
            ["varchar(9) COLLATE utf8mb4_unicode_ci"] * 2 + ["integer"], "varchar", FOLDED_TRIPLES, "utf8mb4_unicode_ci"
        ),
        "bytes": single("varbinary(20)", "varbinary", WORDS),
        "pairs": composite(["integer", "bigint"], "bigint", PAIRS),
        "triples": composite(["bigint", "smallint", "integer"], "bigint", TRIPLES),
        "words": composite(
            ["varchar(20) COLLATE utf8mb4_bin"] * 2,
            "varchar",
            list(itertools.product(TEXTS[:6], WORDS[::3])),
            "utf8mb4_bin",
        ),
    },
    "duckdb": {
        "gaps": single("bigint", "BIGINT", NUMBERS),
        "uuid": single("uuid", "UUID", UUIDS),
        "numeric": single("decimal(38,10)", "DECIMAL(38,10)", DECIMALS),
        "timestamptz": single("timestamptz", "TIMESTAMP WITH TIME ZONE", MOMENTS),
        "text": single("text", "VARCHAR", WORDS),
        "nocase": single("text COLLATE NOCASE", "VARCHAR", WORDS),
        "pairs": composite(["bigint", "bigint"], "BIGINT", PAIRS),
        "triples": composite(["bigint", "bigint", "bigint"], "BIGINT", TRIPLES),
        "words": composite(["text", "text"], "VARCHAR", list(itertools.product(TEXTS[:6], WORDS[::3]))),
    },
}
FOLDING = {
    "one": single("text COLLATE folded", "text", [word for word in FOLDED if word.isalpha()]),
    "icu": single('text COLLATE "en-x-icu"', "text", WORDS),
    "pairs": composite(["text COLLATE folded", "integer"], "text", FOLDED_PAIRS),
    "triples": composite(["text COLLATE folded"] * 2 + ["integer"], "text", FOLDED_TRIPLES),
}
CUT = {driver: list(CASES[DRIVERS[driver].kind]) for driver in ("asyncpg", "aiosqlite", "pymysql", "duckdb")}
CUT["psycopg"] = ["timestamptz", "char", "words"]


def literal(value: object, dialect: Dialect) -> str:
    """The value in SQL."""
    return dialect.literal(value) if isinstance(value, str) else str(value)


def table(base: Database, case: Case, dialect: Dialect) -> TableKey:
    """The table of a case, with its rows."""
    columns = ", ".join(f"{dialect.identifier(name)} {kind[0]} NOT NULL" for name, kind in case.columns.items())
    names = ", ".join(map(dialect.identifier, case.columns))
    rows = ", ".join(f"({', '.join(literal(value, dialect) for value in row)}, 0)" for row in case.rows)
    base.execute(
        "DROP TABLE IF EXISTS t",
        f"CREATE TABLE t ({columns}, hits integer, PRIMARY KEY ({names}))",
        f"INSERT INTO t VALUES {rows}",
    )
    return TableKey("t", tuple(KeyColumn(name, kind, collation) for name, (_, kind, collation) in case.columns.items()))


def in_order(base: Database, key: TableKey, dialect: Dialect, ends: Sequence[Position]) -> bool:
    """Whether the database puts the ends of ranges, which it gets in another order, in this one."""
    texts = [f"u{place}" for place, _ in enumerate(key.columns, 1)]
    rows = [[*end, *[None] * (len(texts) - len(end))] for end in sorted(ends)]
    values = ", ".join(f"({', '.join('NULL' if u is None else dialect.literal(u) for u in row)})" for row in rows)
    kind = dialect.marker_text
    found = base.execute(
        "DROP TABLE IF EXISTS ends",
        f"CREATE TABLE ends ({', '.join(f'{text} {kind}' for text in texts)})",
        f"INSERT INTO ends VALUES {values}",
        f"SELECT {', '.join(texts)} FROM ends ORDER BY {key_ranges.order_of_ends(key, texts, dialect)}",
    )
    return [tuple(u for u in row if u is not None) for row in found] == list(ends)


@dataclass
class Walk:
    """A session that cuts, and counts how often its ranges hit each row."""

    connection: Connection
    dialect: Dialect
    key: TableKey

    @property
    def cutter(self) -> KeyCutter:
        """A new one."""
        return KeyCutter(self.connection, self.dialect, self.key)

    async def cut(self, after: Position, end: Position | None, rows: int) -> list[KeyRange]:
        """All ranges from `after` to `end`."""
        cutter, ranges = self.cutter, list[KeyRange]()
        at = after
        while (found := await cutter.next_range(at, end, rows)) is not None:
            assert found.after == at
            assert len(ranges) < 5_000
            ranges.append(found)
            at = found.upto
        return ranges if end is None else [*ranges, *closing_ranges(at, end)]

    async def hit(self, cut: KeyRange) -> int:
        """Count a hit for each row of a range; how many rows it has."""
        condition = key_ranges.condition(self.key, cut.form, self.dialect)
        query = queries.inline(f"UPDATE t SET hits = hits + 1 WHERE {condition} AND 1 = 1", self.dialect.name)
        statement = await self.connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        params = tuple(cut.values[parameter.name] for parameter in query.parameters)
        return (await self.connection.attempt(statement, [params], Limits(read_only=False))).changed

    async def cut_anew(self, ranges: Sequence[KeyRange]) -> list[KeyRange]:
        """Every third of a chain of ranges, and what is between them in other ranges, as if only these were done."""
        done = ranges[::3]
        gaps = [(one.upto, other.after) for one, other in itertools.pairwise(done)]
        between = [cut for after, end in gaps for cut in await self.cut(after, end, len(ranges) * 2)]
        return [*done, *between, *await self.cut(done[-1].upto, ranges[-1].upto, len(ranges) * 2)]

    async def split(self, cut: KeyRange, times: int) -> list[KeyRange]:
        """The pieces of a range that is split at its middle, and again."""
        middle = await self.cutter.middle(cut) if times else None
        if middle is None:
            return [cut]
        pieces = [KeyRange(cut.after, middle), *closing_ranges(middle, cut.upto)]
        return [part for piece in pieces for part in await self.split(piece, times - 1)]


def chained(ranges: Sequence[KeyRange]) -> bool:
    """Whether each begins where the one before it ends, in the same texts."""
    return all(one.upto == other.after for one, other in itertools.pairwise(ranges))


@pytest.mark.parametrize(("driver", "case"), [(driver, case) for driver, cases in CUT.items() for case in cases])
async def test_every_row_is_in_one_range(driver: str, case: str, request: pytest.FixtureRequest) -> None:
    """Ranges of any size form a chain, hold as many rows as they say, and hit every row once."""
    kind = DRIVERS[driver].kind
    await _each_row_once(fresh(kind, request), driver, CASES[kind][case])


@pytest.mark.parametrize("case", FOLDING)
async def test_texts_that_are_equal_in_a_group(case: str, request: pytest.FixtureRequest) -> None:
    """Where a collation calls different texts equal, they are one group, whichever text begins it and whichever ends the table."""
    base = fresh("postgresql", request)
    try:
        base.execute("CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    except asyncpg.FeatureNotSupportedError:
        pytest.skip("this server has no ICU")
    await _each_row_once(base, "asyncpg", FOLDING[case])


async def _each_row_once(base: Database, driver: str, given: Case) -> None:
    dialect = dialect_for(KINDS[base.kind].dialect)
    key, hits = table(base, given, dialect), 0
    async with connected(base, driver) as connection:
        walk = Walk(connection, dialect, key)
        end = await walk.cutter.greatest()
        assert end is not None
        for rows in (len(given.rows) // 7 + 1, 100_000):
            ranges = await walk.cut((), end, rows)
            assert chained(ranges)
            assert (ranges[0].after, ranges[-1].upto) == ((), end)
            assert max(cut.rows for cut in ranges) <= rows
            assert [await walk.hit(cut) for cut in ranges] == [cut.rows for cut in ranges]
            hits += 1
            assert base.execute(f"SELECT count(*) FROM t WHERE hits <> {hits}") == [(0,)]
        assert sum(cut.rows for cut in await walk.cut((), None, 20)) == len(given.rows)
        for cut in await walk.cut_anew(await walk.cut((), end, len(given.rows) // 6 + 1)):
            await walk.hit(cut)
        hits += 1
        assert base.execute(f"SELECT count(*) FROM t WHERE hits <> {hits}") == [(0,)]
        pieces = [piece for cut in ranges for piece in await walk.split(cut, 2)]
        assert chained(pieces)
        assert (pieces[0].after, pieces[-1].upto) == ((), end)
        sizes = [await walk.hit(piece) for piece in pieces]
        assert base.execute(f"SELECT count(*) FROM t WHERE hits <> {hits + 1}") == [(0,)]
        assert max(sizes) <= len(given.rows) / 2


@pytest.mark.parametrize("driver", ["aiosqlite", "pymysql"])
async def test_a_group_that_grows_under_another_text(driver: str, request: pytest.FixtureRequest) -> None:
    """If the last group gets rows whose text is equal to its own, and the end moves, no row comes twice."""
    kind = DRIVERS[driver].kind
    base, dialect = fresh(kind, request), dialect_for(KINDS[kind].dialect)
    declared, collation = {
        "sqlite": ("text COLLATE NOCASE", "NOCASE"),
        "mariadb": ("varchar(9) COLLATE utf8mb4_general_ci", "utf8mb4_general_ci"),
    }[kind]
    case = composite([declared, "integer"], "varchar", [("a", 1), ("B", 1), ("B", 2)], collation)
    key = table(base, case, dialect)
    async with connected(base, driver) as connection:
        walk = Walk(connection, dialect, key)
        ranges = await walk.cut((), await walk.cutter.greatest(), 10)
        base.execute("INSERT INTO t VALUES ('b', 3, 0), ('b', 4, 0)")
        end = await walk.cutter.greatest()
        at, cutter = ranges[-1].upto, walk.cutter
        while (cut := await cutter.next_range(at, end, 10)) is not None:
            ranges.append(cut)
            at = cut.upto
        assert [await walk.hit(cut) for cut in ranges] == [1, 2, 2]
        assert base.execute("SELECT count(*) FROM t WHERE hits <> 1") == [(0,)]


async def test_a_boundary_that_is_too_slow_is_asked_again_for_fewer_rows(request: pytest.FixtureRequest) -> None:
    """The next ones have as many rows as wanted again."""
    base = fresh("postgresql", request)
    base.execute("CREATE TABLE t (id integer PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 200000)")
    key = TableKey("t", (KeyColumn("id", "integer"),))
    async with connected(base, "asyncpg") as connection:
        cutter = KeyCutter(connection, dialect_for("postgres"), key, timeout_s=0.004)
        first = await cutter.next_range((), ("200000",), 150_000)
        assert first is not None
        assert 0 < first.rows < 150_000
        assert first.upto == (str(first.rows),)


async def test_a_key_that_its_text_does_not_lead_back_to_is_refused(request: pytest.FixtureRequest) -> None:
    """Before the first range: the last row would be left out."""
    base = fresh("mariadb", request)
    base.execute("CREATE TABLE t (id decimal(65, 0) PRIMARY KEY)", f"INSERT INTO t VALUES ({'1' * 60})")
    key = TableKey("t", (KeyColumn("id", "decimal"),))
    async with connected(base, "pymysql") as connection:
        with pytest.raises(RefusedError, match="is not found by its text"):
            await KeyCutter(connection, dialect_for("mysql"), key).greatest()
        base.execute("DELETE FROM t")
        assert await KeyCutter(connection, dialect_for("mysql"), key).greatest() is None


async def test_a_value_without_text_is_refused(request: pytest.FixtureRequest) -> None:
    """A blob in a column for text."""
    base = fresh("sqlite", request)
    base.execute("CREATE TABLE t (id text PRIMARY KEY)", "INSERT INTO t VALUES (x'00ff')")
    key = TableKey("t", (KeyColumn("id", "text"),))
    async with connected(base, "aiosqlite") as connection:
        with pytest.raises(RefusedError, match='"id" has no text'):
            await KeyCutter(connection, dialect_for("sqlite"), key).greatest()


async def test_equal_texts_of_a_group_are_one_end(request: pytest.FixtureRequest) -> None:
    """A key that is cut by its leading column alone may spell the last group in several ways; another row is not the end."""
    base = fresh("sqlite", request)
    base.execute(
        "CREATE TABLE t (id text COLLATE NOCASE, n integer, PRIMARY KEY (id, n)) WITHOUT ROWID",
        "INSERT INTO t VALUES ('a', 1), ('z', 1), ('Z', 2)",
    )
    key = TableKey("t", (KeyColumn("id", "text", "NOCASE"),))
    async with connected(base, "aiosqlite") as connection:
        assert await KeyCutter(connection, dialect_for("sqlite"), key).greatest() in {("t:z",), ("t:Z",)}


async def test_an_end_whose_text_leads_to_another_row_is_refused(request: pytest.FixtureRequest) -> None:
    """Else the ranges end there, and the rows behind it are left out."""
    base = fresh("mariadb", request)
    base.execute("CREATE TABLE t (id double PRIMARY KEY)", "INSERT INTO t VALUES (1), (2), (2.5)")
    key = TableKey("t", (KeyColumn("id", "integer"),))
    async with connected(base, "pymysql") as connection:
        with pytest.raises(RefusedError, match="is not found by its text"):
            await KeyCutter(connection, dialect_for("mysql"), key).greatest()

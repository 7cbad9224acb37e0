"""The SQL of run rows and markers: names are quoted, values are literals, and SQLite takes it as it stands."""

from __future__ import annotations

import sqlite3

import pytest
import sqlglot

from bulkq import markers
from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner
from bulkq.model import Claim, MarkerTables
from bulkq.model.key_range import KeyRange
from bulkq.model.own_error_states import MARKER_EARLY

TABLES = markers.tables(None)
CLAIM = Claim("run-1", "host:1:o'k", 2, 201, 400, TABLES)


@pytest.fixture
def database() -> sqlite3.Connection:
    """Both tables, and the run of `CLAIM`."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for sql in (*markers.create(TABLES, "sqlite"), markers.begin(TABLES, CLAIM.run, CLAIM.owner)):
        connection.execute(sql)
    return connection


@pytest.mark.parametrize(
    ("schema", "prefix", "expected"),
    [
        (None, None, MarkerTables('"bulkq_runs"', '"bulkq_markers"')),
        ("public", None, MarkerTables('"public"."bulkq_runs"', '"public"."bulkq_markers"')),
        ('my "own"', "a b", MarkerTables('"my ""own"""."a b_runs"', '"my ""own"""."a b_markers"')),
    ],
)
def test_table_names(schema: str | None, prefix: str | None, expected: MarkerTables) -> None:
    """Schema and prefix may be any name."""
    assert markers.tables(schema, prefix) == expected


def test_literals_end_where_they_end() -> None:
    """A quote in an owner's name is doubled, and nothing else means anything."""
    assert markers.literal("it's \\ %s") == "'it''s \\ %s'"


@pytest.mark.parametrize("dialect", ["postgres", "sqlite", "mysql", "duckdb"])
def test_every_statement_is_one_statement(dialect: str) -> None:
    """In each dialect each text parses as exactly one statement."""
    made = markers.tables("s", 'odd"name`', dialect)
    claim = Claim("r'1", "o'1", 0, 1, 9, made)
    texts = [
        *markers.create(made, dialect),
        markers.begin(made, claim.run, claim.owner),
        markers.claim(claim, dialect),
        markers.count(claim, 9),
        markers.look(claim),
        markers.take_over(made, claim.run, "new"),
        markers.owners(made, claim.run),
        markers.applied(made, claim.run),
        *markers.remove(made, claim.run),
        *markers.taking_over(made, claim.run, "new", dialect),
    ]
    hold = markers.hold(claim, dialect)
    texts += [hold] if hold else []
    assert (hold is None) is (dialect not in {"duckdb", "postgres"})
    assert markers.claiming(claim, dialect)[-1] == markers.claim(claim, dialect)
    for text in texts:
        assert len(sqlglot.parse(text, dialect=dialect)) == 1, text


def test_only_postgres_locks_the_run_row() -> None:
    """SQLite has no FOR SHARE, and its transaction locks everything."""
    assert " FOR SHARE ON CONFLICT" in markers.claim(CLAIM, "postgres")
    assert "FOR SHARE" not in markers.claim(CLAIM, "sqlite")


def test_mysql_has_ways_of_its_own() -> None:
    """Backquotes, no ON CONFLICT, a shared lock of another name, no UPDATE ... RETURNING, and an engine with transactions."""
    made = markers.tables(None, None, "mysql")
    assert made == MarkerTables("`bulkq_runs`", "`bulkq_markers`")
    claim = markers.claim(Claim("r", "o", 0, 1, 2, made), "mysql")
    assert claim.startswith("INSERT IGNORE INTO `bulkq_markers` (run, part, first, last, `rows`)")
    assert claim.endswith("LOCK IN SHARE MODE")
    assert all(text.endswith("ENGINE=InnoDB") for text in markers.create(made, "mysql"))
    update, select = markers.taking_over(made, "r", "new", "mysql")
    assert "RETURNING" not in update
    assert select == "SELECT run FROM `bulkq_runs` WHERE run = 'r' AND owner = 'new'"


def test_only_postgres_stands_in_line() -> None:
    """Elsewhere nobody overtakes a waiting update. Claims and takeover of one run meet at one lock, those of two runs do not."""
    shared, _ = markers.claiming(CLAIM, "postgres")
    alone, _ = markers.taking_over(TABLES, CLAIM.run, "o", "postgres")
    assert shared.replace("_shared", "") == alone
    assert markers.taking_over(TABLES, "another", "o", "postgres")[0] != alone
    assert len(markers.taking_over(TABLES, "r", "o", "sqlite")) == 1


def test_tables_are_made_once(database: sqlite3.Connection) -> None:
    """Making them again changes nothing."""
    for sql in markers.create(TABLES, "sqlite"):
        database.execute(sql)
    assert database.execute(markers.owners(TABLES, CLAIM.run)).fetchall() == [(CLAIM.owner,)]


def test_the_life_of_a_claim(database: sqlite3.Connection) -> None:
    """Granted once; the marker is counted, found, listed and removed with its run."""
    assert database.execute(markers.look(CLAIM)).fetchall() == [(CLAIM.owner, None, None)]
    assert database.execute(markers.claim(CLAIM, "sqlite")).rowcount == 1
    assert database.execute(markers.count(CLAIM, 150)).rowcount == 1
    assert database.execute(markers.claim(CLAIM, "sqlite")).rowcount == 0
    assert database.execute(markers.look(CLAIM)).fetchall() == [(CLAIM.owner, 400, 150)]
    assert database.execute(markers.applied(TABLES, CLAIM.run)).fetchall() == [(2, 201, 400, 150)]
    assert database.execute(markers.applied_counts(TABLES, CLAIM.run)).fetchall() == [(2, 200)]
    assert markers.flushing(TABLES, CLAIM.run, "sqlite") == ()
    for sql in markers.flushing(TABLES, CLAIM.run, "postgresql"):
        assert database.execute(sql).rowcount == 1
    for sql in markers.remove(TABLES, CLAIM.run):
        assert database.execute(sql).rowcount == 1
    assert database.execute(markers.look(CLAIM)).fetchall() == []


def test_a_new_owner(database: sqlite3.Connection) -> None:
    """After the takeover the old owner's claim inserts nothing; of a run that is gone nobody becomes the owner."""
    assert database.execute(markers.take_over(TABLES, CLAIM.run, "new")).fetchall() == [(CLAIM.run,)]
    assert database.execute(markers.claim(CLAIM, "sqlite")).rowcount == 0
    assert database.execute(markers.look(CLAIM)).fetchall() == [("new", None, None)]
    assert database.execute(markers.take_over(TABLES, "nosuch", "new")).fetchall() == []


@pytest.mark.parametrize(
    ("found", "expected", "state"),
    [
        ([], NotOwner, None),
        ([("another", None, None)], NotOwner, None),
        ([("another", 400, 7)], AlreadyApplied, None),
        ([(CLAIM.owner, "400", "7")], AlreadyApplied, None),
        ([(CLAIM.owner, 400, markers.NO_COUNT)], AlreadyApplied, None),
        ([(CLAIM.owner, 400, markers.token(0))], DatabaseError, MARKER_EARLY),
        ([(CLAIM.owner, None, None)], DatabaseError, "40001"),
    ],
)
def test_why_a_claim_was_not_granted(
    found: list[tuple[object, ...]], expected: type[DatabaseError], state: str | None
) -> None:
    """A marker outranks the owner, and the token of an attempt in a committed marker says that its work was not done."""
    error = markers.refusal(found, CLAIM)
    assert type(error) is expected
    assert state is None or error.sqlstate == state
    assert error.broken_off == (state == MARKER_EARLY)


def test_a_marker_has_the_token_of_one_attempt(database: sqlite3.Connection) -> None:
    """The marker proves the attempt that inserted it, and no other."""
    ours, theirs = markers.token(5), markers.token(6)
    for text in markers.claiming(CLAIM, "sqlite", rows=ours):
        database.execute(text)
    found = database.execute(markers.look(CLAIM)).fetchall()
    assert markers.has_token(found, CLAIM, ours)
    assert not markers.has_token(found, CLAIM, theirs)
    assert not markers.has_token([], CLAIM, ours)


def test_questions_about_rights_and_owners() -> None:
    """Both are one statement of PostgreSQL's, and name the tables and the run."""
    assert len(sqlglot.parse(markers.missing_rights(TABLES, "postgres"), dialect="postgres")) == 1
    assert all(right in markers.missing_rights(TABLES, "postgres") for right in markers.RIGHTS.split(", "))
    assert markers.run_row(TABLES, "r'1").endswith("WHERE run = 'r''1'")


def test_ranges_are_read_as_they_were_written(database: sqlite3.Connection) -> None:
    """With values in the text or as parameters, in the order that is asked for; a shorter position has NULL behind it."""
    database.execute(markers.create_ranges(TABLES, "sqlite"))
    first, second = KeyRange((), ("3", "o'k"), 70), KeyRange(("3", "o'k"), ("3",), 5)
    names = ("first", "n", *markers.LOWER, *markers.UPPER)
    values = dict(zip(names, markers.range_parameters(2, second), strict=True))
    database.execute(markers.insert_range(TABLES, "run-1", 1, markers.RANGE_DONE), values)
    database.execute(markers.range_row(TABLES, "run-1", 1, markers.RANGE_FAILED, 1, first, "sqlite"))
    rows = database.execute(markers.select_ranges(TABLES, "run-1", 1, "u2 IS NULL, u2")).fetchall()
    assert [markers.read_range(row) for row in rows] == [
        (1, markers.RANGE_FAILED, first),
        (2, markers.RANGE_DONE, second),
    ]
    database.execute(markers.remove_ranges(TABLES, "run-1", 1, (markers.RANGE_FAILED,)))
    assert len(database.execute(f"SELECT * FROM {TABLES.ranges}").fetchall()) == 1
    database.execute(markers.remove_ranges(TABLES, "run-1"))
    assert database.execute(f"SELECT * FROM {TABLES.ranges}").fetchall() == []


def test_a_failed_range_that_is_done_after_all_keeps_its_number(database: sqlite3.Connection) -> None:
    """Its state and rows change once; a range that is done already is left alone."""
    database.execute(markers.create_ranges(TABLES, "sqlite"))
    one = KeyRange((), ("3",), 70)
    assert database.execute(markers.recorded_range(TABLES, "run-1", 1, 4)).fetchall() == []
    database.execute(markers.range_row(TABLES, "run-1", 1, markers.RANGE_FAILED, 4, one, "sqlite"))
    values = dict(zip(("n", "first"), markers.redo_parameters(4, KeyRange((), ("3",), 60)), strict=True))
    assert database.execute(markers.redo_range(TABLES, "run-1", 1), values).rowcount == 1
    assert database.execute(markers.redo_range(TABLES, "run-1", 1), values).rowcount == 0
    assert database.execute(markers.recorded_range(TABLES, "run-1", 1, 4)).fetchall() == [(markers.RANGE_DONE,)]
    database.execute(markers.remove_ranges(TABLES, "run-1", 1, numbers=[4, 5]))
    assert database.execute(f"SELECT * FROM {TABLES.ranges}").fetchall() == []


def test_the_table_of_ranges_stands_beside_the_others() -> None:
    """It has their schema and prefix."""
    assert markers.tables("s", "night").ranges == '"s"."night_ranges"'
    assert markers.tables(None, None, "mysql").ranges == "`bulkq_ranges`"


@pytest.mark.parametrize(
    ("schema", "wanted", "expected"),
    [
        ("s", None, '"s"."bulkq_images"'),
        ("s", "kept", '"s"."kept"'),
        ("s", "o.kept", '"o"."kept"'),
        (None, "kept", '"kept"'),
    ],
)
def test_the_table_of_images_stands_beside_the_markers(schema: str | None, wanted: str | None, expected: str) -> None:
    """Unless it names a schema of its own."""
    assert markers.images_table(markers.tables(schema), wanted, "postgres") == expected


def test_rights_are_tried_without_a_change() -> None:
    """Each statement names one of both tables and has a condition that no row meets."""
    tried = markers.change_nothing(TABLES)
    assert len(tried) == 4
    assert all(text.endswith(" WHERE 1 = 0") for text in tried)
    assert all(any(table in text for text in tried) for table in (TABLES.runs, TABLES.markers))

"""No value gets into a ledger through the words of an error."""

from __future__ import annotations

import pytest

from bulkq.ledger.redact_message import shape_of

CANARY = "hunter2"

KEPT = [
    ("23505", 'duplicate key value violates unique constraint "users_email_key"'),
    ("23502", 'null value in column "email" of relation "users" violates not-null constraint'),
    ("23514", 'new row for relation "items" violates check constraint "items_qty_check"'),
    ("23503", 'insert or update on table "a" violates foreign key constraint "a_b_fkey"'),
    ("23503", 'update or delete on table "b" violates foreign key constraint "a_b_fkey" on table "a"'),
    ("22001", "value too long for type character varying(5)"),
    ("57014", "canceling statement due to statement timeout"),
    ("40P01", "deadlock detected"),
    ("22012", "division by zero"),
    ("22003", "integer out of range"),
    ("42501", "permission denied for table users"),
    ("SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed: users.email, users.name"),
    ("SQLITE_CONSTRAINT_FOREIGNKEY", "FOREIGN KEY constraint failed"),
    ("SQLITE_BUSY", "database is locked"),
    ("SQLITE_MISMATCH", "datatype mismatch"),
    (None, "timed out after 0.25s"),
]


@pytest.mark.parametrize(("sqlstate", "message"), KEPT)
def test_messages_without_values_are_kept(sqlstate: str | None, message: str) -> None:
    """Names of the schema, and words of the server, say what went wrong."""
    assert shape_of(message, sqlstate, {"id": 317, "name": CANARY}) == message


HELD_BACK = [
    ("22P02", f'invalid input syntax for type bigint: "{CANARY}"', 'invalid input syntax for type bigint: "..."'),
    ("22003", f'value "{CANARY}" is out of range for type integer', 'value "..." is out of range for type integer'),
    ("22P02", f'invalid input value for enum mood: "{CANARY}', 'invalid input value for enum mood: "..."'),
    ("22021", 'invalid byte sequence for encoding "UTF8": 0xe2 0x28', 'invalid byte sequence for encoding "...": "..."'),
    ("2200H", 'setval: value 4711 is out of bounds for sequence "s" (1..10)', None),
    ("42704", f"large object {4711} does not exist", "large object ... does not exist"),
    ("23505", f'duplicate key value violates "u": Key (email)=({CANARY}) already exists.', ""),
    ("P0001", f"customer {CANARY} is blocked", ""),
    ("23514", f"bad phone {CANARY}", ""),
    ("XX000", f"remote says {CANARY}", ""),
    ("38000", f"plpython: {CANARY}", ""),
    ("SQLITE_CONSTRAINT_TRIGGER", f"{CANARY} is blocked", ""),
    ("SQLITE_ERROR", f"bad JSON path: '{CANARY}'", ""),
    (None, f"the value of :id cannot be sent as int4: '{CANARY}'", 'the value of :id cannot be sent as int4: "..."'),
    (None, f"the value of :id cannot be sent as int4: {CANARY} is too big", 'the value of :id cannot be sent as int4: "..."'),
    ("22000", f"a trigger of class 22 says {CANARY} was wrong", ""),
    ("22P02", f"говорит «{CANARY}»", 'говорит "..."'),
    ("42883", f"Key (a, b)=({CANARY}, 2) x", 'Key "..."'),
]  # fmt: skip


@pytest.mark.parametrize("params", [{"v": CANARY, "n": 4711}, {"v": CANARY.upper().encode(), "n": 4711}])
@pytest.mark.parametrize(("sqlstate", "message", "kept"), HELD_BACK)
def test_values_are_not_kept(sqlstate: str | None, message: str, kept: str | None, params: dict[str, object]) -> None:
    """What is quoted, numbers, and everything that users' own code says stays out."""
    found = shape_of(message, sqlstate, params)
    assert CANARY not in found
    assert "4711" not in found
    assert kept is None or found == kept


@pytest.mark.parametrize(("sqlstate", "message", "kept"), [row for row in HELD_BACK if row[0] != "22000"])
def test_secrets_are_not_kept(sqlstate: str | None, message: str, kept: str | None) -> None:
    """The same where the value is not known, because it is secret and masked already."""
    assert CANARY not in shape_of(message, sqlstate, {"v": "***"})
    assert kept is None or shape_of(message, sqlstate, {"v": "***"}) == kept


def test_a_known_form_that_repeats_a_value_is_not_kept() -> None:
    """A function may word its own message like the server's."""
    message = f'duplicate key value violates unique constraint "{CANARY}"'
    assert shape_of(message, "23505", {"v": CANARY}) == ""


def test_the_number_of_tries_for_a_lock_is_kept() -> None:
    """It is a number of bulkq, not a value."""
    message = "canceling statement due to lock timeout in 6 tries"
    assert shape_of(message, None, {"object": "public.orders"}) == message


def test_names_from_the_catalog_are_kept() -> None:
    """They are no values. What else is quoted goes, and so does what only looks like a name."""
    names = ("public.t-9", "t-9")
    message = f'relation "public.t-9" of "{CANARY}" does not exist'
    assert (
        shape_of(message, "42P01", {"object": "public.t-9"}, names) == 'relation "public.t-9" of "..." does not exist'
    )
    assert shape_of('column "t-9" is bad', "42703", {}) == 'column "..." is bad'
    assert shape_of("a \U000f0000 b '\U000f0001'", "42703", {}, names) == 'a   b "..."'
    assert shape_of('relation "t-9" is bad', "P0001", {}, names) == ""


def test_the_ends_of_a_message_that_are_of_bulkq_are_kept() -> None:
    """What stands between them is the server's."""
    own = ("one of them: ", ": leave it out")
    lost = "canceling statement due to lock timeout in 2 tries"
    assert shape_of(f"one of them: {lost}", None, {}, own) == f"one of them: {lost}"
    assert (
        shape_of(f'{lost} "{CANARY}": leave it out', None, {}, own)
        == 'canceling statement due to lock timeout in ... tries "...": leave it out'
    )
    assert shape_of(f"one of them: {CANARY}: leave it out", "P0001", {}, own) == 'one of them: "...": leave it out'
    note = "The storage engine for the table doesn't support optimize: leave it out"
    assert shape_of(note, None, {}, own) == note


def test_advice_of_bulkq_is_kept_whole() -> None:
    """A statement that a user is to execute is of no use in pieces."""
    advice = 'no right: GRANT MAINTAIN ON TABLE "public"."t1" TO "ops"' + " " * 300
    assert shape_of(advice, None, {"object": "public.t1"}, (advice,)) == advice


def test_long_messages_are_cut_and_lines_joined() -> None:
    """One line, of a length that a table bears."""
    assert shape_of("division\n  by zero", "22012", {}) == "division by zero"
    assert len(shape_of("word " * 1000, "22012", {"nothing": None, "short": "w"})) == 300

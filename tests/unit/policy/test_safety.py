"""What is refused until it is asked for by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.errors import RefusedError, UsageError
from bulkq.model import Mode, Query, Server, StatementClass, Target
from bulkq.model.run import SafetyOptions, make_run, set_fields
from bulkq.policy.safety import (
    MODES,
    counted_option,
    mode_of,
    refuse,
    refuse_lanes,
    refuse_options,
    refuse_protected,
    refuse_uncounted,
    refuse_unthrottled,
    sentence,
)

READ, WRITE, DDL = StatementClass.READ, StatementClass.WRITE, StatementClass.DDL
MAINTENANCE, SESSION = StatementClass.MAINTENANCE, StatementClass.SESSION


def query(
    verb: str = "SELECT",
    statement: StatementClass = READ,
    *,
    mode: Mode | None = None,
    unbounded: bool = False,
    file: str | None = None,
) -> Query:
    """A query of which only what safety looks at is filled in."""
    return Query("q", f"{verb} ...", statement=statement, verb=verb, mode=mode, unbounded=unbounded, file=file, line=7)


def refused(asked: Query, *allow: str, write: bool = False) -> str:
    """The message of a refusal, which must be one."""
    error = refuse(asked, write=write, allow=frozenset(allow))
    assert isinstance(error, RefusedError)
    return str(error)


@pytest.mark.parametrize("mode", [None, Mode.READ])
@pytest.mark.parametrize("write", [False, True])
def test_reads_run(mode: Mode | None, write: bool) -> None:
    """A read needs no option."""
    assert refuse(query(mode=mode), write=write, allow=frozenset()) is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (query("UPDATE", WRITE), "UPDATE changes data: add --write"),
        (query("UPDATE", WRITE, file="a.sql"), "a.sql:7: UPDATE changes data: add --write"),
        (query("VACUUM", MAINTENANCE), "VACUUM may change data: add --write"),
        (query(mode=Mode.WRITE), '"q" is declared @mode write: add --write'),
        (query("UPDATE", WRITE, mode=Mode.WRITE), "UPDATE changes data: add --write"),
        (query("", WRITE), "the statement changes data: add --write"),
    ],
)
def test_changes_want_write(asked: Query, words: str) -> None:
    """Without `--write` nothing that changes data runs; with it, it does."""
    assert refused(asked) == words
    assert refuse(asked, write=True, allow=frozenset()) is None


@pytest.mark.parametrize(("meant", "words"), [("SELECT", " (did you mean SELECT?)"), ("", "")])
def test_a_word_that_nobody_knows(meant: str, words: str) -> None:
    """It is a mistake rather than a write, unless the user says that it is one."""
    asked = replace(query("SELEC", MAINTENANCE), meant=meant)
    error = refuse(asked, write=False, allow=frozenset())
    assert isinstance(error, UsageError)
    assert str(error) == (f'unknown statement "SELEC"{words}: correct it, or add --write if the database supports it')
    assert refuse(asked, write=True, allow=frozenset()) is None
    assert refused(replace(asked, mode=Mode.MAINTENANCE)) == "SELEC may change data: add --write"


def test_a_mode_of_read_is_kept_with_write() -> None:
    """`@mode read` on a statement that changes data is a contradiction that no option settles."""
    assert refused(query("DELETE", WRITE, mode=Mode.READ), write=True) == (
        "DELETE changes data, but the query is declared @mode read: correct @mode"
    )


@pytest.mark.parametrize(
    ("asked", "allow", "words"),
    [
        (query("UPDATE", WRITE, unbounded=True), "unbounded", "UPDATE without WHERE changes every row"),
        (query("WITH", WRITE, unbounded=True), "unbounded", "UPDATE or DELETE without WHERE changes every row"),
        (query("TRUNCATE", DDL), "truncate", "TRUNCATE removes every row"),
        (query("DROP", DDL), "ddl", "DROP changes the schema"),
    ],
)
def test_what_cannot_be_taken_back_is_named(asked: Query, allow: str, words: str) -> None:
    """`--write` alone is not enough for it, and the message holds every option that is missing."""
    assert refused(asked) == f"{words}: add --allow {allow} --write"
    assert refused(asked, write=True) == f"{words}: add --allow {allow}"
    assert refused(asked, "unbounded", "truncate", "ddl").endswith("add --write")
    assert refuse(asked, write=True, allow=frozenset({allow})) is None


def test_sessions_belong_to_bulkq() -> None:
    """BEGIN, SET and their kind would escape the transaction: a usage error, whatever is allowed."""
    error = refuse(query("BEGIN", SESSION), write=True, allow=frozenset({"ddl"}))
    assert isinstance(error, UsageError)
    assert str(error).startswith("BEGIN controls the session")


# --- modes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "options", "mode"),
    [
        ({}, {}, "read"),
        ({"mode": Mode.MAINTENANCE}, {}, "read"),
        ({"mode": Mode.READ}, {"write": True}, "read"),
        ({"mode": Mode.READ}, {"write": True, "ledger": "none"}, "read"),
        ({}, {"write": True}, "write"),
        ({"mode": Mode.WRITE}, {"write": True}, "write"),
        ({"mode": Mode.DDL}, {"write": True}, "write"),
        ({"idempotent": False}, {"write": True}, "write"),
        ({"idempotent": True}, {"write": True}, "idempotent"),
        ({}, {"write": True, "idempotent": True}, "idempotent"),
        ({}, {"write": True, "idempotent": True, "ledger": "none"}, "unrecorded"),
        ({}, {"write": True, "ledger": "none"}, "unrecorded"),
        ({"mode": Mode.MAINTENANCE}, {"write": True}, "maintenance"),
        ({"transaction": False}, {"write": True}, "maintenance"),
        ({"transaction": False, "idempotent": True}, {"write": True}, "maintenance"),
        ({"transaction": False}, {"write": True, "ledger": "none"}, "maintenance"),
    ],
)
def test_the_mode_follows_from_query_and_options(
    changes: dict[str, object], options: dict[str, object], mode: str
) -> None:
    """What cannot be in a transaction is at most once; without a ledger a write is only as good as its process."""
    asked = replace(query("UPDATE", WRITE), **changes)  # type: ignore[arg-type]
    assert mode_of(asked, SafetyOptions(**options)) == mode  # type: ignore[arg-type]


def test_every_mode_is_a_sentence() -> None:
    """One line each, which people read before the first statement."""
    assert len({sentence(mode) for mode in MODES}) == len(MODES)
    assert "exactly once, also across kill -9" in sentence("write")
    assert "without repeating" in sentence("unrecorded")


def test_a_file_may_forbid_repeats() -> None:
    """`@idempotent false` is not outvoted by an option."""
    asked = replace(query("UPDATE", WRITE, file="a.sql"), idempotent=False)
    error = refuse_options(asked, idempotent=True, counted=None)
    assert isinstance(error, RefusedError)
    assert str(error).startswith('a.sql:7: "q" is declared @idempotent false')
    assert refuse_options(asked, idempotent=False, counted="--max-affected") is None
    assert refuse_options(query("UPDATE", WRITE), idempotent=True, counted=None) is None


def test_only_a_transaction_can_be_undone() -> None:
    """An option that rolls back needs something to roll back."""
    error = refuse_options(
        query("VACUUM", MAINTENANCE, mode=Mode.MAINTENANCE), idempotent=False, counted="--expect-rows"
    )
    assert isinstance(error, UsageError)
    assert str(error).startswith('"q" runs outside a transaction, where --expect-rows cannot')


def test_what_is_not_counted_has_no_limit() -> None:
    """An option about rows is refused for a statement whose rows no database counts, where it would mean nothing."""
    asked = replace(query("WITH", WRITE), counted=False)
    error = refuse_options(asked, idempotent=False, counted="--max-affected")
    assert isinstance(error, UsageError)
    assert "--max-affected cannot be enforced" in str(error)
    assert refuse_options(asked, idempotent=False, counted=None) is None


@pytest.mark.parametrize("option", ["--max-affected", "--expect-rows"])
def test_a_select_that_may_write_has_no_limit(option: str) -> None:
    """What the functions of a SELECT change, no database counts; one that is declared to read is read-only."""
    asked = query("SELECT", READ, file="a.sql")
    error = refuse_options(asked, idempotent=False, counted=option)
    assert isinstance(error, UsageError)
    assert str(error).startswith('a.sql:7: "q" may call functions that change rows')
    assert f"so {option} cannot be enforced" in str(error)
    assert refuse_options(asked, idempotent=False, counted=None) is None
    assert refuse_options(replace(asked, mode=Mode.READ), idempotent=False, counted=option) is None


@pytest.mark.parametrize(
    ("concurrency", "totals", "free", "words"),
    [
        (8, [None], 7, None),
        (
            8,
            [None],
            6,
            "-j 8 needs 7 more connections, but the limits of the server, the role and the database leave 6: use -j 7 or less",
        ),
        (1, [None], 0, None),
        (80, [3, 4], 6, None),
        (80, [3, None], 6, "-j 80 needs 79 more"),
        (8, [0], 0, None),
        (8, [None], None, None),
        (None, [None], 0, None),
    ],
)
def test_more_lanes_than_connections(
    concurrency: int | None, totals: list[int | None], free: int | None, words: str
) -> None:
    """Lanes beyond what is free are refused with the arithmetic; no run needs more of them than it has sets."""
    server = Server("postgresql", "15", 150000, free_connections=free, max_connections=100)
    error = refuse_lanes(concurrency, totals, server)
    assert (error is None) if words is None else str(error).startswith(words)
    assert refuse_lanes(concurrency, totals, replace(server, pooled=True)) is None


def test_a_connection_beside_the_lanes() -> None:
    """What cuts the ranges of a backfill needs one; no smaller `-j` helps if there is none."""
    server = Server("postgresql", "15", 150000, free_connections=0, max_connections=100)
    assert "-j 1 needs 1 more connection, but" in str(error := refuse_lanes(1, [None], server, 1))
    assert "ALTER ROLE ... CONNECTION LIMIT" in str(error)
    assert refuse_lanes(1, [None], replace(server, free_connections=1), 1) is None
    assert "use -j 2 or less" in str(refuse_lanes(4, [None], replace(server, free_connections=2), 1))


def test_options_that_need_a_count() -> None:
    """`--expect-rows` and `--max-affected` are refused where the library is not known to count; a run without them is not."""
    server = Server("chdb", "4", 40000, counts=False)
    run = make_run(queries=(), targets=())
    assert counted_option(run) is None
    assert counted_option(set_fields(run, {"max_affected": 0})) == "--max-affected"
    assert counted_option(set_fields(run, {"max_affected": 0, "expect_rows": 0})) == "--expect-rows"
    assert refuse_uncounted(None, server, "chdb") is None
    assert refuse_uncounted("--expect-rows", replace(server, counts=True), "chdb") is None
    assert str(refuse_uncounted("--expect-rows", server, "chdb")).startswith(
        "chdb does not reliably report how many rows a statement changes, so --expect-rows cannot be enforced"
    )


@pytest.mark.parametrize(
    ("write", "confirmed", "words"),
    [
        (False, [], ""),
        (True, ["a", "b"], ""),
        (True, ["a"], 'target "b" is protected: add --confirm b to change data there'),
        (True, ["A", "*"], 'targets "a", "b" are protected: add --confirm a --confirm b to change data there'),
    ],
)
def test_protected_targets_are_confirmed_by_name(write: bool, confirmed: list[str], words: str) -> None:
    """A write on them wants the exact name of each; a read wants nothing."""
    targets = [Target(url="sqlite:////x.db", name=name, protected=name != "c") for name in ("a", "b", "c", "b")]
    error = refuse_protected(targets, write=write, confirmed=confirmed)
    assert (str(error) if error else "") == words


def test_throttles_of_targets_are_left_out_by_name() -> None:
    """Each target that has some, or whose database has some under another name, is confirmed."""
    targets = [
        Target(url="sqlite:////a.db", name="a", throttle=("lag<2s",)),
        Target(url="sqlite:////b.db", throttle=("lag<2s",), throttled_as="b"),
        Target(url="sqlite:////c.db", name="c"),
    ]
    assert refuse_unthrottled(targets, ["a", "b"]) is None
    assert str(refuse_unthrottled(targets, ["a"])) == (
        'target "b" has throttles in the configuration: add --confirm b to run without them'
    )
    assert str(refuse_unthrottled(targets, ())) == (
        'targets "a", "b" have throttles in the configuration: add --confirm a --confirm b to run without them'
    )

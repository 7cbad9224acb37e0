"""Failure records and refusals: what users read of a set, without its secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.engine.failure_records import failure, lost_ownership, refused
from bulkq.errors import DatabaseError, NotOwner
from bulkq.model import Batch, Decoding, Limits, Outcome, Parameter, PartSpec, Phase, Query, SetError

QUERY = Query(
    "q",
    "update t set v = :v where k = :k",
    parameters=(Parameter("v"), Parameter("k", secret=True)),
    file="q.sql",
    line=3,
)
SPEC = PartSpec(
    query=QUERY, target="shop", decoding=Decoding.PYTHON, typed=True, limits=Limits(read_only=False), retries=2
)
BATCH = Batch(4, 11, [("a", "s3cr3t"), ("b", "t0ps3cr3t")], lines=(5, 6), source="rows.csv")


def lost(**more: object) -> DatabaseError:
    """An error of a connection that broke."""
    return DatabaseError("gone with s3cr3t", sqlstate=None, phase=Phase.COMMITTING, connection_lost=True, **more)  # type: ignore[arg-type]


def test_the_record_names_the_set_and_masks_its_secrets() -> None:
    """Number, line and values are those of the set; a secret is neither in the values nor in the message."""
    made = failure(SPEC, BATCH, 1, SetError(1, "23514", "bad t0ps3cr3t"), Outcome.ROLLED_BACK, 3)
    assert (made.n, made.source, made.target, made.query) == (12, "rows.csv:6", "shop", "q")
    assert (made.sqlstate, made.outcome, made.attempts) == ("23514", Outcome.ROLLED_BACK, 3)
    assert made.params["v"] == "b"
    assert "t0ps3cr3t" not in f"{made.params}{made.message}"


def test_a_timeout_is_said_in_our_words() -> None:
    """The limit that passed is named, whatever the database says."""
    made = failure(SPEC, BATCH, 0, SetError(0, "57014", "canceling statement"), Outcome.ROLLED_BACK, 1, 2.5)
    assert made.message == "timed out after 2.5s"


def test_an_unknown_outcome_names_the_process_that_may_still_work() -> None:
    """The hint of a lost connection is the statement that ends its server process."""
    made = failure(SPEC, BATCH, 0, lost(pid=4711), Outcome.UNKNOWN, 1)
    assert made.hint is not None
    assert "pg_terminate_backend(4711)" in made.hint
    assert "s3cr3t" not in made.message


def test_a_batch_whose_sets_were_dropped() -> None:
    """The record has no values, and the file instead of a line."""
    made = failure(SPEC, replace(BATCH, sets=()), 1, SetError(1, None, "late"), Outcome.UNKNOWN, 1)
    assert (made.n, made.source, made.params) == (12, "rows.csv", {})


def test_refusals_say_what_to_do() -> None:
    """A write in a read-only run advises --write; a write run on a read-only database does not."""
    assert str(refused(replace(SPEC, limits=Limits()), "cannot execute UPDATE")).endswith(
        "add --write if it is meant to change data"
    )
    assert str(refused(SPEC, "read-only")).startswith("shop: q.sql:q: read-only: the database rejects writes")


@pytest.mark.parametrize(
    ("owner", "words"),
    [(None, "the run row is missing"), ("db1:77:ab:cd", "taken over by process 77 on db1"), ("odd", "process  on odd")],
)
def test_a_lost_run_row(owner: str | None, words: str) -> None:
    """The error names the process that owns the run now."""
    assert words in str(lost_ownership(SPEC, NotOwner(owner, phase=Phase.CLAIMING)))

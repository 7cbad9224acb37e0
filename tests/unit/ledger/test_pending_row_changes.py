"""What a group commit writes, without a database."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bulkq.ledger.pending_row_changes import KEPT_MESSAGES, MOST_AHEAD, PendingRun, with_run
from bulkq.model import Failure, Mark, Outcome, RecordedPart, RunRecord, RunState, SourcePosition
from bulkq.policy.merged_number_ranges import Ranges

RECORD = RunRecord(
    run="01kb4x0000",
    state=RunState.RUNNING,
    mode="read",
    name="n",
    targets=(),
    request="{}",
    fingerprint="{}",
    owner="h:1:2:3",
    started_at="2026-11-22T10:00:00Z",
)


def failure(n: int, outcome: Outcome = Outcome.ROLLED_BACK) -> Failure:
    """A failed set."""
    return Failure(n, f"f.csv:{n + 1}", "target", "query", {"v": 1}, outcome, "22012", "division by zero", 1, hint="h")


def at(n: int) -> SourcePosition:
    """The source behind set n."""
    return SourcePosition(n, n * 10, n + 1, "d")


def test_ordered_batches_extend_one_row() -> None:
    """The row of a run that goes on in order is replaced, never joined by another."""
    tally = PendingRun(RECORD)
    for i in range(50):
        changes = tally.take([Mark(0, ((i * 10 + 1, i * 10 + 10),))])
        assert changes.done == [{"part": 0, "first": 1, "last": i * 10 + 10}]
        assert changes.undone == []
    assert tally.counts()["ok"] == 500


def test_sets_that_were_skipped_before_and_are_done_now_are_not_skipped() -> None:
    """The process that goes on may be killed: then its successor must not say that the sets were never tried."""
    assert PendingRun(RECORD).counts()["skipped"] == 0
    stopped = replace(RECORD, ok=10, failed=1, unknown=1, skipped=8)
    known = RecordedPart(0, ((1, 10),), (failure(11), failure(12, Outcome.UNKNOWN)), None, ())
    tally = PendingRun(stopped, [known])
    assert tally.counts()["skipped"] == 8
    tally.take([Mark(0, ((12, 15),), (failure(16),))])
    assert (tally.counts()["ok"], tally.counts()["unknown"], tally.counts()["skipped"]) == (14, 0, 4)
    tally.take([Mark(0, ((11, 11), (17, 30)))])
    assert tally.counts()["skipped"] == 0


def test_a_gap_that_closes_joins_two_rows() -> None:
    """The row behind the gap goes, the one before it grows."""
    tally = PendingRun(RECORD)
    assert len(tally.take([Mark(0, ((1, 5),)), Mark(0, ((8, 9),))]).done) == 2
    changes = tally.take([Mark(0, ((6, 7),))])
    assert changes.done == [{"part": 0, "first": 1, "last": 9}]
    assert changes.undone == [{"part": 0, "first": 8}]


@given(st.lists(st.lists(st.integers(0, 30), max_size=5), max_size=12))
def test_the_table_holds_exactly_what_was_marked(groups: list[list[int]]) -> None:
    """After any groups of batches in any order, the rows are the merged ranges, and none is another's beginning."""
    tally, table, marked = PendingRun(RECORD), {}, Ranges()
    for group in groups:
        changes = tally.take([Mark(0, ((b * 3 + 1, b * 3 + 3),)) for b in group])
        for row in changes.undone:
            table.pop(row["first"], None)
        table.update({row["first"]: row["last"] for row in changes.done})
        marked.merge((b * 3 + 1, b * 3 + 3) for b in group)
        assert sorted(table.items()) == list(marked)
    assert tally.counts()["ok"] == marked.count


def test_failures_are_counted_and_hold_no_values() -> None:
    """A row has number, place, outcome, SQLSTATE and the shape of the message; unknown is counted apart."""
    tally = PendingRun(RECORD)
    changes = tally.take([Mark(2, ((1, 3),), (failure(4), failure(5, Outcome.UNKNOWN)), changed=3, unanswered=1)])
    assert changes.failures[0] == {
        "part": 2,
        "n": 4,
        "source": "f.csv:5",
        "outcome": "rolled_back",
        "sqlstate": "22012",
        "message": "division by zero",
        "attempts": 1,
    }
    assert tally.counts() == {"ok": 3, "failed": 1, "unknown": 1, "skipped": 0, "changed": 3, "unanswered": 1}
    assert changes.parts[0] | {} == {
        "part": 2,
        "query": "query",
        "target": "target",
        "source_n": None,
        "source_offset": None,
        "source_line": None,
        "source_digest": None,
    }


def test_the_source_is_never_ahead_of_a_gap() -> None:
    """The position moves to the end of the last batch before which nothing is missing, and not before."""
    tally = PendingRun(RECORD)
    assert tally.take([Mark(0, ((11, 20),), source=at(20))]).parts == []
    assert tally.take([Mark(0, ((31, 40),), source=at(40))]).parts == []
    assert tally.take([Mark(0, ((1, 10),), source=at(10))]).parts[0]["source_n"] == 20
    assert tally.take([Mark(0, ((21, 30),), source=at(30))]).parts[0]["source_n"] == 40


def test_positions_behind_a_gap_are_thinned_out() -> None:
    """A failed set early in a long file does not make memory grow with the file."""
    tally = PendingRun(RECORD)
    for n in range(2, 5 * MOST_AHEAD):
        tally.take([Mark(0, ((n, n),), source=at(n))])
    assert len(tally._parts[0].ahead) <= MOST_AHEAD
    assert tally.take([Mark(0, ((1, 1),))]).parts[0]["source_n"] > MOST_AHEAD


def test_a_resumed_run_goes_on_from_its_rows() -> None:
    """Ranges, counts and the source's position of earlier processes are there; failures that went through now are gone."""
    state = RecordedPart(0, ((1, 3), (7, 9)), (failure(4), failure(5, Outcome.UNKNOWN), failure(6)), at(3), ())
    tally = PendingRun(replace(RECORD, ok=6, failed=2, unknown=1), [state, RecordedPart(1, (), (), None, ())])
    changes = tally.take([Mark(0, ((5, 5),), (failure(6, Outcome.UNKNOWN),))])
    assert changes.resolved == [{"part": 0, "n": 5}]
    assert changes.done == [{"part": 0, "first": 5, "last": 5}]
    assert tally.counts() | {} == {"ok": 7, "failed": 1, "unknown": 1, "skipped": 0, "changed": 0, "unanswered": 0}
    assert tally.take([Mark(0, ((4, 4),))]).done == [{"part": 0, "first": 1, "last": 5}]


def test_words_of_very_many_failures_are_not_kept() -> None:
    """Their numbers and SQLSTATEs are."""
    tally = PendingRun(RECORD)
    changes = tally.take([Mark(0, (), tuple(failure(n) for n in range(1, KEPT_MESSAGES + 2)))])
    assert changes.failures[-2]["message"]
    assert (changes.failures[-1]["message"], changes.failures[-1]["sqlstate"]) == ("", "22012")


def test_rows_are_given_their_run() -> None:
    """`with_run` adds the column that all share."""
    assert with_run([{"part": 1}], "r") == [{"run": "r", "part": 1}]

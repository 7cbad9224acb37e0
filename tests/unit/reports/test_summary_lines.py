"""The last line, and the failures above it."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import Outcome, ThrottleWait
from bulkq.reports import (
    failure_lines,
    summary_line,
)
from bulkq.reports.summary_lines import LONGEST_LINE
from tests.support.summaries import FAILURE, SUMMARY


def test_the_last_line() -> None:
    """Every count, the status and the exit code, made for grep."""
    assert summary_line(SUMMARY) == (
        "bulkq: run=01kb4x status=failed ok=997 failed=3 unknown=0 skipped=0 retried=2 changed=0 elapsed=1.84s exit=1"
    )
    again = replace(SUMMARY, resume="bulkq retry 01kb4x", unanswered=2)
    assert " changed=0 lanes=24 elapsed=" in summary_line(replace(SUMMARY, lanes=24, lanes_why="more brought nothing"))
    held = replace(SUMMARY, throttled_s=72.34, throttles=(ThrottleWait(name="lag<2s", seconds=72.34),))
    assert " changed=0 throttled=72.3s elapsed=" in summary_line(held)
    assert summary_line(again).endswith(' changed=0 unanswered=2 elapsed=1.84s exit=1 resume="bulkq retry 01kb4x"')


def test_failures_for_people() -> None:
    """Where it came from, what the server said, and how many more there are."""
    hinted = replace(FAILURE, source="", hint="pay more", where="users.sql:12", outcome=Outcome.UNKNOWN, sqlstate=None)
    lines = failure_lines(replace(SUMMARY, failures=(FAILURE, hinted), failed=1200, unknown=1))
    assert lines == [
        'failed  customers.csv:118 n=117 [23514] violates check "positive"',
        'unknown n=117 users.sql:12: violates check "positive" (pay more)',
        "and 1,199 more: --failures FILE.jsonl lists all",
    ]
    assert len(failure_lines(replace(SUMMARY, failures=(FAILURE,) * 5), limit=2)) == 3
    assert failure_lines(replace(SUMMARY, failures=(), failed=0)) == []


def test_a_message_may_be_missing() -> None:
    """The ledger keeps none that may hold a value."""
    (line,) = failure_lines(replace(SUMMARY, failures=(replace(FAILURE, message=""),), failed=1))
    assert line == "failed  customers.csv:118 n=117 [23514] (its message was not recorded)"


def test_failures_of_several_queries_say_which() -> None:
    """With one query its name would be noise."""
    several = replace(SUMMARY, queries=(*SUMMARY.queries, replace(SUMMARY.queries[0], name="other")), failed=1)
    assert failure_lines(several) == ['failed  customers.csv:118 n=117 fix [23514] violates check "positive"']


def test_failures_cannot_write_on_the_terminal() -> None:
    """A message is one line of limited length without control characters."""
    (line,) = failure_lines(replace(SUMMARY, failed=1, failures=(replace(FAILURE, message="\x1b[2J\n" + "x" * 9999),)))
    assert line.isprintable()
    assert "\\x1b[2J\\n" in line
    assert len(line) == LONGEST_LINE
    assert line.endswith("...")

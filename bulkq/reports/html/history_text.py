"""Moments and check histories in words."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.text.message_parts import counted
from bulkq.text.moments import parse_utc

if TYPE_CHECKING:
    from bulkq.model import CheckResult

GOOD = (Verdict.PASS, Verdict.WARN, Verdict.SKIP)
RECENT = 10
"""Runs that decide whether a check is called flaky."""


def format_moment(text: str) -> str:
    """`22 Nov 2026, 03:00 UTC` of an ISO moment; anything else as it is."""
    when = parse_utc(text)
    return text if when is None else f"{when.day} {when:%b %Y, %H:%M} UTC"


def tell_history(check: CheckResult) -> str:
    """The history of a check in words: new, flaky, bad since when; "" where it passes as it always has."""
    past = check.history
    if not past:
        return "no earlier run in the ledger"
    recent = [check.verdict, *(each.verdict for each in past[: RECENT - 1])]
    turns = sum((a in GOOD) != (b in GOOD) for a, b in pairwise(recent))
    if turns >= 3:
        return f"flaky: it changed {turns} times in {len(recent)} runs"
    if check.verdict in GOOD:
        return "" if past[0].verdict in GOOD else f"good again, after {past[0].verdict} on {format_moment(past[0].at)}"
    passed = next((each for each in past if each.verdict in GOOD), None)
    if passed is past[0]:
        return f"new: it was good on {format_moment(passed.at)}"
    if passed is None:
        return f"never good in {counted(len(past) + 1, 'run')}"
    return f"bad for {counted(past.index(passed) + 1, 'run')}; it was last good on {format_moment(passed.at)}"

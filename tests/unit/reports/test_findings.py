"""Fingerprints of findings."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import RunSummary, Status, Verdict
from bulkq.reports.findings import compute_fingerprints, list_findings
from tests.support.summaries import check


def test_fingerprints_last() -> None:
    """Neither the line nor the message nor the run changes one; target and parameters do, and twins are told apart."""
    one = check(1, Verdict.FAIL)
    (before,) = compute_fingerprints([one])
    assert compute_fingerprints([replace(one, line=99, message="4 rows", verdict=Verdict.ERROR)]) == [before]
    others = [replace(one, target="b"), replace(one, params={"id": "5"}), replace(one, name="b"), one, one]
    assert len({*compute_fingerprints(others)}) == 5


def test_rows_that_a_backfill_has_left() -> None:
    """An incomplete run is a failed verification, with what was found."""
    summary = RunSummary(run="a", status=Status.INCOMPLETE, exit_code=1, mode="write", targets=("t",), reason="10 rows")
    (found,) = list_findings(summary)
    assert (found.name, found.verdict, found.expected, found.message) == (
        "verify",
        Verdict.FAIL,
        "no row is left",
        "10 rows",
    )
    assert list_findings(replace(summary, reason=""))[0].message == "rows are left"

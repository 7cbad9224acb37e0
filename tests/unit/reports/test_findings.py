"""Fingerprints of findings."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import Verdict
from bulkq.reports.findings import fingerprints
from tests.support.summaries import check


def test_fingerprints_last() -> None:
    """Neither the line nor the message nor the run changes one; target and parameters do, and twins are told apart."""
    one = check(1, Verdict.FAIL)
    (before,) = fingerprints([one])
    assert fingerprints([replace(one, line=99, message="4 rows", verdict=Verdict.ERROR)]) == [before]
    others = [replace(one, target="b"), replace(one, params={"id": "5"}), replace(one, name="b"), one, one]
    assert len({*fingerprints(others)}) == 5

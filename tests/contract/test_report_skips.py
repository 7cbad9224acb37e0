"""A check that was skipped, in every format: neither a pass nor a problem."""

from __future__ import annotations

import json
from dataclasses import replace

from bulkq.model import Verdict
from bulkq.reports.github import github_annotations
from bulkq.reports.write import FORMATS
from tests.support.summaries import check, checked

SKIPPED = checked(check(1), replace(check(2, Verdict.SKIP), message="requires pg>=17", sample=(), rows=None))


def test_formats_of_people_name_it_with_its_reason() -> None:
    """The page, the text and the job summary list it and count it."""
    for name in ("text", "markdown", "html"):
        report = FORMATS[name](SKIPPED)
        assert "requires pg" in report, name
        assert "skip" in report, name
    assert "1 of 2 checks passed, 1 skipped" in FORMATS["html"](SKIPPED)


def test_formats_of_test_runners_have_a_word_for_it() -> None:
    """JUnit's `skipped`, TAP's directive, and the verdict in JSON."""
    assert '<skipped message="requires pg&gt;=17"' in FORMATS["junit"](SKIPPED)
    assert "ok 2 - orders_2 # SKIP requires pg>=17" in FORMATS["tap"](SKIPPED)
    assert json.loads(FORMATS["json"](SKIPPED))["checks"][1]["verdict"] == "skip"


def test_lists_of_problems_leave_it_out() -> None:
    """Code scanning, code quality and annotations are about what is wrong."""
    assert json.loads(FORMATS["sarif"](SKIPPED))["runs"][0]["results"] == []
    assert json.loads(FORMATS["gitlab"](SKIPPED)) == []
    assert github_annotations(SKIPPED) == ""

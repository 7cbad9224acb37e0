"""The workers of a run on the page."""

from __future__ import annotations

from bulkq.model import RunSummary, Status
from bulkq.reports.html.workers import render_workers
from bulkq.reports.json_report import json_report
from bulkq.reports.summary_lines import summary_line
from bulkq.reports.text_report import text_report
from tests.support.worker_statuses import WORKERS

SUMMARY = RunSummary("01kb4x", Status.OK, 0, "read", ("db",), workers=WORKERS)


def test_each_worker_has_a_row() -> None:
    """With what it did and what became of it; texts are escaped. A run without workers has no table."""
    page = render_workers(SUMMARY)
    assert "<p class=quiet>1 in use, 2 lost, 1 refused</p>" in page
    assert page.count("<tr>") == 4
    assert '<td><span class="dot warn"></span>lost</td><td class=n>1</td><td class=n>20</td><td class=n>7</td>' in page
    assert "it has bulkq &lt;9.9&gt;" in page
    assert render_workers(RunSummary("x", Status.OK, 0, "read", ())) == ""


def test_the_other_reports_have_them() -> None:
    """The text in lines, JSON as an object, the last line the number that was lost."""
    assert "workers  1 in use, 2 lost, 1 refused\n  tcp://a:1 working: 12 batches" in text_report(SUMMARY)
    assert '"lost_sets": 7' in json_report(SUMMARY)
    assert " changed=0 workers_lost=2 elapsed=" in summary_line(SUMMARY)

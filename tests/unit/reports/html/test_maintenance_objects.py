"""The table of objects in the page of a maintenance run."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import Failure, Outcome, QueryCounts, RunSummary, Status
from bulkq.model.maintenance import ObjectResult, ObjectState
from bulkq.reports.html import html_report
from bulkq.reports.html.maintenance_objects import render_objects
from bulkq.reports.json_report import json_report
from bulkq.reports.summary_lines import sum_totals
from bulkq.reports.text_report import text_report

FOUND = (
    ObjectResult(target="shop", name="public.a", state=ObjectState.DONE, elapsed_s=2.0, before=3e6, after=1e6),
    ObjectResult(target="shop", name="public.<b>", state=ObjectState.SKIPPED, reason="no right: GRANT <x>"),
)
SUMMARY = RunSummary(
    run="r", status=Status.FAILED, exit_code=1, mode="maintenance", targets=("shop",), ok=1, skipped=1, objects=FOUND
)


def test_what_was_not_done_comes_first() -> None:
    """With its reason; then sizes before and after."""
    page = html_report(SUMMARY)
    assert page.index("public.&lt;b&gt;") < page.index("public.a")
    assert "no right: GRANT &lt;x&gt;" in page
    assert "1 done, 1 skipped; 3.0 MB before, 1.0 MB after" in page
    assert render_objects(replace(SUMMARY, objects=())) == ""
    assert "and 100 more that were done" in render_objects(replace(SUMMARY, objects=FOUND[:1] * 600))


def test_the_heading_counts_objects() -> None:
    """Skipped ones are a warning, also in a report from the ledger, which has failures and no objects."""
    page = html_report(SUMMARY)
    assert "<h1>1 of 2 objects skipped</h1>" in page
    assert ">bulkq maintain</p>" in page
    assert '<header class="warn">' in page
    assert "the run reaches its end" not in page
    failed = html_report(replace(SUMMARY, failed=1))
    assert "<h1>1 of 3 objects failed, 1 skipped</h1>" in failed
    assert '<header class="warn">' not in failed
    skipped = Failure(1, "public.b", "shop", "vacuum", {}, Outcome.SKIPPED, None, "no right", 1)
    query = QueryCounts(name="vacuum", file=None, line=0, target="shop", ok=1, skipped=1)
    recalled = html_report(replace(SUMMARY, objects=(), failures=(skipped,), queries=(query,)))
    assert "<h1>1 of 2 objects skipped</h1>" in recalled
    assert "<th class=n>skipped</th>" in recalled
    assert '<span class="dot warn"></span>skipped' in recalled


def test_the_heading_counts_ranges() -> None:
    """Of a backfill, whose rows are those that it changed."""
    query = QueryCounts(name="orders", file=None, line=0, target="shop", ok=272, ranges=True)
    filled = replace(
        SUMMARY, status=Status.OK, exit_code=0, mode="write", ok=272, skipped=0, rows=26, changed=2_000_000
    )
    page = html_report(replace(filled, objects=(), queries=(query,)))
    assert "<h1>272 ranges ok</h1>" in page
    assert ">bulkq backfill</p>" in page
    undone = html_report(replace(filled, objects=(), queries=(replace(query, name="undo"),)))
    assert ">bulkq undo</p>" in undone
    assert "<span>rows changed</span>" in page
    assert "<span>rows</span>" not in page
    left = html_report(replace(filled, status=Status.INCOMPLETE, exit_code=1, objects=(), queries=(query,)))
    assert "<h1>The run is incomplete after 272 ranges</h1>" in left


def test_other_reports_have_the_objects() -> None:
    """As a list for machines, as totals for people."""
    assert '"name": "public.a"' in json_report(SUMMARY)
    assert "objects  1 done, 1 skipped; 3.0 MB before, 1.0 MB after" in text_report(SUMMARY)
    assert sum_totals(FOUND[1:]) == "1 skipped"

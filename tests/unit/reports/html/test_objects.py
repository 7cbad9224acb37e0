"""The table of objects in the page of a maintenance run."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import RunSummary, Status
from bulkq.model.maintenance import ObjectResult, ObjectState
from bulkq.reports.html import html_report
from bulkq.reports.html.objects import objects, totals
from bulkq.reports.json_report import json_report
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
    assert objects(replace(SUMMARY, objects=())) == ""
    assert "and 100 more that were done" in objects(replace(SUMMARY, objects=FOUND[:1] * 600))


def test_other_reports_have_the_objects() -> None:
    """As a list for machines, as totals for people."""
    assert '"name": "public.a"' in json_report(SUMMARY)
    assert "objects  1 done, 1 skipped; 3.0 MB before, 1.0 MB after" in text_report(SUMMARY)
    assert totals(FOUND[1:]) == "1 skipped"

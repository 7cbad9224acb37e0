"""Markdown."""

from __future__ import annotations

from bulkq.reports.markdown import markdown_report
from tests.support.summaries import FOUR, many


def test_markdown_for_people() -> None:
    """Verdicts with their places, the rows folded, the passes counted."""
    text = markdown_report(FOUR)
    assert "| ❌ fail | orders\\_3<br>` checks/orders_3.sql:6 ` | shop | 3 rows | empty | 12 ms |" in text
    assert (
        "<details><summary>orders_3 on shop: 2 rows</summary>\n\n| id | customer |\n|:--|:--|\n| ` 7 ` | ` 99 ` |\n"
        in text
    )
    assert "*and 1 more rows*" in text
    assert "<details><summary>1 passed</summary>" in text
    assert "| target | error |" not in text
    assert "| shop\\-1 | 2 | 8 | 0 | 60 |" in markdown_report(many(10))

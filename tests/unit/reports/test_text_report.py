"""The report for people."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import Verdict
from bulkq.reports.text_report import text_report
from tests.support.summaries import FOUR, SUMMARY, check, checked


def test_the_text_report() -> None:
    """A page for people that ends with the summary line."""
    full = replace(SUMMARY, reason="deadline", outputs=("out.csv",), partials=("f.jsonl.partial",))
    assert text_report(full) == (
        "run 01kb4x on shop (read)\n"
        "failed: deadline\n"
        "\n"
        "query          target   ok  failed  unknown\n"
        "users.sql:fix  shop    997       3        0\n"
        "\n"
        "latency  p50 88.1 ms  p95 231.0 ms  max 1500.0 ms\n"
        "\n"
        'failed  customers.csv:118 n=117 [23514] violates check "positive"\n'
        "and 2 more: --failures FILE.jsonl lists all\n"
        "\n"
        "wrote out.csv\n"
        "incomplete f.jsonl.partial\n"
        "\n"
        "bulkq: run=01kb4x status=failed ok=997 failed=3 unknown=0 skipped=0 retried=2 changed=0 elapsed=1.84s exit=1\n"
    )
    chosen = replace(SUMMARY, lanes=24, lanes_why="more brought nothing")
    assert "\n\nlanes    auto: 24, more brought nothing\n" in text_report(chosen)
    bare = text_report(replace(SUMMARY, p50_s=None, failed=0, failures=(), queries=()))
    assert "latency" not in bare
    assert "more" not in bare


def test_text_for_people() -> None:
    """The tally, the worst first, rows below."""
    assert text_report(FOUR).splitlines()[2:12] == [
        "4 checks: 1 pass, 1 warn, 1 fail, 1 error",
        "",
        "error  checks/orders_4.sql:7 orders_4: 3 rows (12 ms)",
        "       id  customer",
        "       7   99",
        "       8   NULL",
        "       and 1 more row",
        "fail   checks/orders_3.sql:6 orders_3: 3 rows (12 ms)",
        "       id  customer",
        "       7   99",
    ]
    assert "orders_2 on shop-0: 3 rows" in text_report(checked(check(1), check(2, Verdict.WARN, "shop-0")))

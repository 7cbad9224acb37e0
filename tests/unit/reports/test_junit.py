"""JUnit's XML, by the schema of Jenkins."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from bulkq.reports.findings import list_findings
from bulkq.reports.junit import junit_report
from tests.support.report_formats import junit_schema
from tests.support.summaries import FOUR, RAN, STOPPED, checked, many

if TYPE_CHECKING:
    from bulkq.model import RunSummary


@pytest.mark.parametrize(
    "summary", [FOUR, RAN, STOPPED, many(100), checked()], ids=["four", "run", "stopped", "many", "none"]
)
def test_junit_is_what_jenkins_publishes(summary: RunSummary) -> None:
    """Valid by the schema of the xunit plugin, and its counts are those of the cases."""
    text = junit_report(summary)
    junit_schema().validate(text)
    root = ET.fromstring(text)
    found = list_findings(summary)
    assert len(root.findall(".//testcase")) == len(found) == int(root.attrib["tests"])
    assert len(root.findall(".//failure")) == int(root.attrib["failures"])
    assert len(root.findall(".//error")) == int(root.attrib["errors"])
    for suite in root:
        assert len(suite.findall("testcase")) == int(suite.attrib["tests"])


def test_junit_tells_all() -> None:
    """Message, expectation, place, rows and how many more there are; a warning passes and says so."""
    root = ET.fromstring(junit_report(FOUR))
    (failure,) = root.iter("failure")
    assert failure.attrib == {"message": "3 rows", "type": "fail"}
    assert failure.text is not None
    assert failure.text.splitlines() == [
        "fail: 3 rows",
        "expected: empty",
        "at: checks/orders_3.sql:6",
        "description: Every order has a customer.",
        "owner: data",
        "tags: orders, nightly",
        "id  customer",
        "7   99",
        "8   NULL",
        "and 1 more row",
    ]
    warned = root.find(".//testcase[@name='orders_2']/system-out")
    assert warned is not None
    assert (warned.text or "").startswith("warn: 3 rows\n")
    case = root.find(".//testcase[@name='orders_3']")
    assert case is not None
    assert case.attrib == {"name": "orders_3", "classname": "shop.checks/orders_3", "time": "0.013"} or case.attrib[
        "time"
    ] in ("0.012", "0.013")

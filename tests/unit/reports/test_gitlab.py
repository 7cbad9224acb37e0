"""GitLab's report."""

from __future__ import annotations

import json
import re

from bulkq.reports.gitlab import gitlab_report
from tests.support.summaries import FOUR


def test_gitlab_gets_what_it_reads() -> None:
    """Description, name, fingerprint, severity, a relative path and a line for everything that did not pass."""
    issues = json.loads(gitlab_report(FOUR))
    assert [issue["severity"] for issue in issues] == ["minor", "major", "critical"]
    assert issues[1] == {
        "description": "orders_3 on shop: 3 rows",
        "check_name": "orders_3",
        "fingerprint": issues[1]["fingerprint"],
        "severity": "major",
        "location": {"path": "checks/orders_3.sql", "lines": {"begin": 6}},
    }
    assert re.fullmatch("[0-9a-f]{64}", issues[1]["fingerprint"])

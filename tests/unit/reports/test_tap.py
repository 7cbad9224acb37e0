"""TAP, as Perl's consumer reads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bulkq.model import RunSummary, Verdict
from bulkq.reports.findings import list_findings
from bulkq.reports.tap import tap_report
from tests.support.summaries import FOUR, RAN, STOPPED, check, checked, many

PROVE = shutil.which("prove")


@pytest.mark.skipif(PROVE is None, reason="prove (of Perl) is not installed")
@pytest.mark.parametrize(
    ("summary", "code"),
    [(FOUR, 1), (RAN, 1), (STOPPED, 1), (checked(check(1), check(2, Verdict.WARN)), 0), (many(500), 1), (checked(), 0)],
    ids=["four", "run", "stopped", "fine", "many", "none"],
)
def test_prove_reads_tap(tmp_path: Path, summary: RunSummary, code: int) -> None:
    """Perl's consumer counts what there is, and is red where the run was."""
    assert PROVE is not None
    (tmp_path / "report.tap").write_text(tap_report(summary), encoding="utf-8")
    done = subprocess.run(
        [PROVE, "--exec", "cat", "report.tap"], capture_output=True, check=False, cwd=tmp_path, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Parse errors" not in done.stdout
    found = list_findings(summary)
    assert f"Tests={len(found)}" in done.stdout
    if code:
        bad = sum(finding.verdict in (Verdict.FAIL, Verdict.ERROR) for finding in found)
        assert f"Failed {bad}/{len(found)} subtests" in done.stdout


def test_tap_has_diagnostics() -> None:
    """A YAML block for everything that did not simply pass."""
    assert tap_report(checked(check(3, Verdict.FAIL))) == (
        "TAP version 13\n"
        "1..1\n"
        "not ok 1 - orders_3\n"
        "  ---\n"
        '  message: "3 rows"\n'
        '  severity: "fail"\n'
        '  at: "checks/orders_3.sql:6"\n'
        '  target: "shop"\n'
        '  wanted: "empty"\n'
        "  rows: 3\n"
        "  duration_ms: 12.500\n"
        "  sample:\n"
        '  - ["id", "customer"]\n'
        '  - ["7", "99"]\n'
        '  - ["8", "NULL"]\n'
        "  more_rows: 1\n"
        "  ...\n"
    ).replace("  - [", "    - [")

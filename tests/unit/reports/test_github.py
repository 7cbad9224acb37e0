"""GitHub's annotations and summaries."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from bulkq.reports import ReportRequest, write_report
from bulkq.reports.github import SUMMARY_BYTES, github_annotations, job_summary
from tests.support.report_formats import COMMAND
from tests.support.summaries import FOUR, check, checked, many


def test_annotations_stand_at_the_line() -> None:
    """One command for each check that did not pass; the worst first."""
    assert github_annotations(FOUR).splitlines() == [
        "::error file=checks/orders_4.sql,line=7,title=error%3A orders_4 on shop::3 rows (expected: empty)",
        "::error file=checks/orders_3.sql,line=6,title=fail%3A orders_3 on shop::3 rows (expected: empty)",
        "::warning file=checks/orders_2.sql,line=5,title=warn%3A orders_2 on shop::3 rows (expected: empty)",
    ]
    assert github_annotations(checked(check())) == ""


def test_five_hundred_failing_checks_on_three_targets() -> None:
    """Inside GitHub's limits, and every one that is not shown is counted."""
    summary = many(500)
    commands = [COMMAND.fullmatch(line) for line in github_annotations(summary).splitlines()]
    kinds = [command[1] for command in commands if command]
    assert len(kinds) == len(commands)
    assert {kind: kinds.count(kind) for kind in kinds} == {"error": 9, "warning": 9, "notice": 1}
    last = commands[-1]
    assert last is not None
    assert last[5].startswith("and 1,491 more that failed or could not be evaluated, and 31 more with a warning")

    text = job_summary(summary)
    assert len(text.encode()) < SUMMARY_BYTES
    assert "1,600 checks: 60 pass, 40 warn, 1,200 fail, 300 error" in text
    assert _counted(text) == (1_540, 60)


@pytest.mark.parametrize("room", [4_000, 20_000, 150_000, 500_000])
def test_what_has_no_room_is_counted(room: int) -> None:
    """The job summary stays within its bytes; rows of the table and what the last line says make all of them."""
    text = job_summary(many(500), SUMMARY_BYTES - room)
    assert len(text.encode()) <= room
    assert _counted(text) == (1_540, 60)


def _counted(text: str) -> tuple[int, int]:
    """Findings that did not pass and that passed: those shown and those only counted."""
    shown = len(re.findall(r"^\| (?:❌|⛔|⚠️) ", text, re.MULTILINE))
    left = sum(int(n.replace(",", "")) for n in re.findall(r"and ([\d,]+) more that did not pass", text))
    passed = len(re.findall(r"^\| ✅ ", text, re.MULTILINE))
    said = re.search(r"([\d,]+) passed", text)
    more = sum(int(n.replace(",", "")) for n in re.findall(r"and ([\d,]+) more that passed", text))
    assert said is None or not passed or int(said[1].replace(",", "")) == passed + more
    return shown + left, int(said[1]) if said else 0


def test_a_full_summary_file_gets_nothing() -> None:
    """Where earlier commands of the step took the room."""
    assert job_summary(FOUR, SUMMARY_BYTES) == ""


def test_github_gets_commands_and_a_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands on stderr, the summary appended to the file that GitHub names; with a file, the commands alone."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    stdout, stderr = io.BytesIO(), io.BytesIO()
    write_report(ReportRequest("github"), FOUR, stdout, stderr)
    first = (tmp_path / "summary.md").read_text(encoding="utf-8")
    write_report(ReportRequest("github"), FOUR, stdout, stderr)
    assert first.startswith("### ⛔ bulkq: 4 checks: 1 pass, 1 warn, 1 fail, 1 error\n")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == f"{first}\n\n{first}"
    assert stdout.getvalue() == b""
    assert stderr.getvalue().decode() == github_annotations(FOUR) * 2
    write_report(ReportRequest("github", str(tmp_path / "commands")), FOUR, stdout, stderr)
    assert (tmp_path / "commands").read_text() == github_annotations(FOUR)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    with pytest.raises(Exception, match='cannot write "/dev/full"'):
        write_report(ReportRequest("github"), FOUR, stdout, stderr)

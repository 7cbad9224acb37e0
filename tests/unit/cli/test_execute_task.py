"""Which reports are written where, and what happens when one cannot be."""

from __future__ import annotations

import errno
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bulkq.cli.execute_task import _tell, wanted_reports
from bulkq.cli.messages import Messages
from bulkq.errors import UsageError
from bulkq.model import Verdict
from bulkq.reports import summary_line
from tests.support.summaries import FOUR, RAN, check, checked


@pytest.mark.parametrize(
    ("specs", "rows", "message"),
    [
        (
            ["json"],
            " or -o FILE",
            "--report json goes to stdout, where the rows go: write --report json:FILE or -o FILE",
        ),
        (["json", "github", "tap"], None, "--report json and --report tap both go to stdout: write --report tap:FILE"),
        (["json:r", "tap:r"], None, '--report json and --report tap both name "r": name two files'),
    ],
)
def test_reports_do_not_mix(specs: list[str], rows: str | None, message: str) -> None:
    """One thing on stdout, and one in each file."""
    with pytest.raises(UsageError) as caught:
        wanted_reports(specs, rows=rows)
    assert str(caught.value) == message


def test_githubs_report_may_stand_beside_rows() -> None:
    """It goes to stderr; and /dev/null takes any number."""
    wanted = wanted_reports(["github", "json:/dev/null", "tap:/dev/null"], rows=" or -o FILE")
    assert [(report.format, report.path) for report in wanted] == [
        ("github", None),
        ("json", "/dev/null"),
        ("tap", "/dev/null"),
    ]


def test_githubs_report_is_on_by_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """For checks, where GitHub runs us, unless it was sent elsewhere; the last line stays the last."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    assert _tell(FOUR, [], Messages()) == 3
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "\n::error " in printed.err
    assert printed.err.splitlines()[-1] == summary_line(FOUR)
    assert (tmp_path / "summary").read_text(encoding="utf-8").startswith("### ")
    _tell(FOUR, wanted_reports(["github:/dev/null"], rows=None), Messages())
    _tell(RAN, [], Messages())
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    _tell(FOUR, [], Messages())
    assert "::error" not in capfd.readouterr().err


def test_a_report_that_cannot_be_written_is_not_green(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Whoever waits for it must not see 0; a worse code stays; the other reports are written."""
    fine = checked(check(1), check(2, Verdict.WARN))
    wanted = wanted_reports(["junit:/dev/full", f"json:{tmp_path}/r.json"], rows=None)
    assert _tell(fine, wanted, Messages()) == 5
    printed = capfd.readouterr().err.splitlines()
    assert 'bulkq: cannot write "/dev/full": no space left on device' in printed
    assert printed[-1].endswith("exit=5")
    assert json.loads((tmp_path / "r.json").read_text())["run"] == fine.run
    assert _tell(replace(fine, exit_code=3), wanted, Messages()) == 3


def test_a_closed_stderr_keeps_the_job_summary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody reads the commands, yet the summary is written and the exit code stays."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setattr(sys, "stderr", None)
    assert _tell(FOUR, [], Messages()) == 3
    assert (tmp_path / "summary").stat().st_size


def test_a_piece_of_a_report_is_not_left_behind(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full in the middle: the report of before stands, and nothing takes more room."""
    (tmp_path / "r.json").write_text("before")
    wanted = wanted_reports([f"json:{tmp_path}/r.json"], rows=None)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("bulkq.sinks.file_output.write_all", full)
        assert _tell(checked(check(1)), wanted, Messages()) == 5
    assert "no space left on device" in capfd.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"r.json": "before"}

"""Paths in reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.gitlab import gitlab_report
from tests.support.summaries import check, checked

if TYPE_CHECKING:
    import pytest


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

"""Reports of `bulkq check` as a CI system gets them: every format, masked, within GitHub's limits, also when the run is stopped."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from bulkq.reports.write import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.sqlite_files import SqliteFile

USERS = """
create table users (id integer primary key, email text, note text);
insert into users values (1, 'secret-1@example.org', '<b>|`::error::]]>'), (2, 'secret-2@example.org', null);
"""
CHECKS = """
-- name: emails
-- @mask email
select id, email, note from users;
-- name: one_email
-- @mask email
-- @expect value = 1
select email from users where id = 1;
-- name: fits
-- @mask email
select * from users where id > 2;
"""
SLOW = """
-- name: slow(n)
with recursive t(i) as (select 1 union all select i + 1 from t where i < 300000) select i from t where i < 0 and :n > 0;
"""


def test_every_format_is_written_and_masked(cli: Cli, sqlite_file: SqliteFile, tmp_path: Path) -> None:
    """One run, all formats: each names the check, none holds what `@mask` hides."""
    database = sqlite_file(USERS)
    (tmp_path / "checks.sql").write_text(CHECKS, encoding="utf-8")
    reports = [f"--report={name}:{tmp_path}/report.{name}" for name in FORMATS]
    done = cli("check", tmp_path / "checks.sql", "-t", f"sqlite:///{database}", *reports)
    assert done.code in (1, 3)
    for name in FORMATS:
        text = (tmp_path / f"report.{name}").read_text(encoding="utf-8")
        assert "emails" in text, name
        assert "secret-" not in text, name
    assert "secret-" not in done.err + done.text
    assert not list(tmp_path.glob("*.partial"))


def test_a_stopped_run_has_its_reports(cli: Cli, sqlite_file: SqliteFile, tmp_path: Path) -> None:
    """Stopped by its deadline: what had ended is there, and no format is green."""
    (tmp_path / "checks.sql").write_text(SLOW, encoding="utf-8")
    reports = [f"--report=junit:{tmp_path}/r.xml", f"--report=json:{tmp_path}/r.json"]
    target = f"sqlite:///{sqlite_file(USERS)}"
    done = cli("check", tmp_path / "checks.sql", "-t", target, "-p", "range:n=1..500", "--deadline", "1s", *reports)
    assert done.code == 5, done.err
    assert json.loads((tmp_path / "r.json").read_text())["status"] == "stopped"
    root = ET.parse(tmp_path / "r.xml").getroot()
    assert int(root.attrib["errors"]) > 0


@pytest.mark.long
def test_five_hundred_failing_checks_on_three_targets(cli: Cli, sqlite_file: SqliteFile, tmp_path: Path) -> None:
    """On GitHub: nine errors and a notice on stderr, a summary of less than 900 kB, and every check counted."""
    targets = [f"sqlite:///{sqlite_file(USERS, f'{name}.db')}" for name in ("eu", "us", "asia")]
    checks = "".join(f"-- name: check_{n}\nselect id, note, {n} as n from users;\n" for n in range(500))
    (tmp_path / "checks.sql").write_text(checks, encoding="utf-8")
    github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": f"{tmp_path}/summary.md",
        "GITHUB_WORKSPACE": str(tmp_path),
    }
    asked = [word for target in targets for word in ("-t", target)]
    done = cli("check", "checks.sql", *asked, "--ledger", "none", env=github, cwd=tmp_path)
    assert done.code == 1, done.err
    commands = [line for line in done.err.splitlines() if line.startswith("::")]
    assert len([line for line in commands if re.match(r"::error file=checks\.sql,line=\d+,title=", line)]) == 9
    assert commands[-1].startswith("::notice ")
    assert "and 1,491 more that failed" in commands[-1]
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert len(summary.encode()) < 900_000
    shown = len(re.findall(r"^\| ❌ fail ", summary, re.MULTILINE))
    left = re.search(r"and ([\d,]+) more that did not pass", summary)
    assert shown + (int(left[1].replace(",", "")) if left else 0) == 1_500

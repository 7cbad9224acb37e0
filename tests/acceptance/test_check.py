"""`bulkq check` as it is typed: exit codes, reports, what git says has changed, the history, the action, the hooks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.cli import main

if TYPE_CHECKING:
    from tests.support.command import Cli
    from tests.support.sqlite_files import SqliteFile

ROOT = Path(__file__).parents[2]
FINE = "-- name: fine\nselect 1 where 1 = 0;\n"
BAD = "-- name: bad\n-- @sample 1\nselect 7 as id union all select 8;\n"
TORN = "-- name: torn\n-- @expect value = 0\nselect null;\n"


@pytest.fixture
def shop(tmp_path: Path, sqlite_file: SqliteFile, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with checks as the working directory, a ledger of its own; the URL of the database."""
    for name in [name for name in os.environ if name.startswith(("BULKQ_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "a.sql").write_text(FINE)
    return f"sqlite:///{sqlite_file('create table t (id integer)')}"


def bulkq(*arguments: str) -> int:
    return main(["check", *arguments, "--progress", "none"])


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (FINE, 0, "1 check: 1 pass"),
        (FINE + BAD, 1, "fail   checks/a.sql:5 bad: 2 rows, expected none"),
        (FINE + BAD + TORN, 3, "error  checks/a.sql:8 torn: the value is NULL"),
        ("-- @warn rows > 0\nselect 1", 0, "warn   checks/a.sql:2 a: 1 row, warns on rows > 0"),
        ("update t set id = 1", 3, "it tries to change data, and a check only reads"),
    ],
)
def test_the_exit_code_is_that_of_the_worst(
    text: str, code: int, line: str, shop: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What did not pass is shown with its place; stdout stays empty; the last line sums up."""
    Path("checks/a.sql").write_text(text)
    assert bulkq("checks", "-t", shop) == code
    printed = capfd.readouterr()
    assert line in printed.err
    assert printed.err.splitlines()[-1].endswith(f"exit={code}")
    assert printed.out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "no path: name a folder or file with checks"),
        (["checks", "-t", "sqlite:///{db}", "--tag", "none"], 2, '--tag "none": no check has it; there are no tags'),
        (["checks", "-t", "sqlite:///{db}", "--exclude", "*"], 2, "no check was selected"),
        (["checks", "-t", "sqlite:///{db}", "--tag", "none", "--allow-empty"], 0, "ok: nothing was checked"),
        (["checks"], 2, "no target: give a database"),
        (["missing.sql", "-t", "sqlite:///{db}"], 2, 'no such file: "missing.sql"'),
        (["checks/a.sql:fin", "-t", "sqlite:///{db}"], 2, 'no query named "fin" (did you mean "fine"?)'),
        (
            ["broken.sql", "-t", "sqlite:///{db}"],
            2,
            'broken.sql:2: @expect "rowz = 1" is not a condition (did you mean "rows"?)',
        ),
        (["checks", "-t", "sqlite:///gone.db"], 3, "gone.db"),
        (["checks", "-t", "sqlite:///{db}", "--snapshot"], 2, "--snapshot: "),
        (["checks", "-t", "sqlite:///{db}", "--changed-since", "HEAD"], 2, "is not in a git repository"),
        (["elsewhere.sql", "-t", "sqlite:///{db}"], 2, "elsewhere.sql:2: same as a on nowhere"),
        (["checks", "-t", "sqlite:///{db}", "--param", "x=1"], 2, "x"),
        (["checks", "-t", "sqlite:///{db}", "-p", "-", "-p", "-"], 2, "-p - is given twice"),
    ],
)
def test_what_cannot_be_checked_is_never_green(
    arguments: list[str],
    code: int,
    said: str,
    shop: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line with the reason; and where checks were selected, the report says error with it."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    Path("broken.sql").write_text("-- name: b\n-- @expect rowz = 1\nselect 1")
    Path("elsewhere.sql").write_text("-- @expect same as elsewhere on nowhere\nselect 1")
    arguments = [argument.replace("{db}", shop.removeprefix("sqlite:///")) for argument in arguments]
    said = said.replace("same as a on", "same as elsewhere on")
    assert bulkq(*arguments, "--report", "json:r.json") == code
    assert said in capfd.readouterr().err
    report = Path("r.json")
    assert report.exists() is bool(arguments)  # a report of yesterday must not stand for today's
    if code and arguments:
        found = json.loads(report.read_text())
        assert found["exit"] == code
        if code == 3 or "broken" in arguments[0]:
            assert [check["verdict"] for check in found["checks"]] == ["error"]
            assert said.split(" (")[0][:20] in found["checks"][0]["message"]


def test_a_report_that_cannot_be_written_is_not_green(shop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A full disk for the report: exit 5, and the others are written."""
    assert bulkq("checks", "-t", shop, "--report", "junit:/dev/full", "--report", "tap:out.tap") == 5
    assert "no space left" in capfd.readouterr().err
    assert Path("out.tap").read_text().startswith("TAP version 13")


@pytest.mark.parametrize(
    "report", ["checks/a.sql", "./checks/b.sql", "link.sql", "ids.csv", "checks/more.csv", "helper.sql"]
)
def test_a_report_never_stands_in_the_place_of_what_was_read(
    report: str, shop: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A check, whether it can be understood or not, a parameter file, the file of a helper: exit 2, and all of it is there."""
    Path("checks/b.sql").write_text("-- @expect rowz = 1\nselect 1")
    Path("checks/c.sql").write_text("-- @params more.csv\n-- @expect same as ../helper.sql:h\nselect :id")
    Path("helper.sql").write_text("-- name: h\nselect 1")
    Path("ids.csv").write_text("id\n1\n")
    Path("checks/more.csv").write_text("id\n1\n")
    Path("link.sql").symlink_to("checks/a.sql")
    before = {path: path.read_text() for path in Path().rglob("*.[sc][qs][lv]")}
    options = [] if report == "checks/more.csv" else ["-p", "ids.csv"]
    if "more" in report or "ids" in report or "helper" in report:
        Path("checks/b.sql").unlink()
        del before[Path("checks/b.sql")]
    assert bulkq("checks", "-t", shop, *options, "--report", f"json:{report}", "--report", "tap:out.tap") == 2
    assert f'the run reads "{Path(report).absolute()}": name another file' in capfd.readouterr().err
    assert {path: path.read_text() for path in before} == before


def test_inline_checks_and_constants(shop: str) -> None:
    """`-e` is a check too, and `--param` gives it values."""
    assert bulkq("-e", "-- @expect value = 3\nselect :n + 1", "--param", "n=2", "-t", shop) == 0
    assert bulkq("-e", "select 1", "checks", "-t", shop) == 1
    assert bulkq("-e", "-- @expect nothing\nselect 1", "-t", shop) == 2


def test_only_what_has_changed(shop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Files that git knows in another form, new ones, and those whose parameter file has changed."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    Path("checks/b.sql").write_text("-- @params ids.csv\nselect :id where :id = 'x'")
    Path("checks/ids.csv").write_text("id\n1\n")
    Path("checks/c.sql").write_text("select 1 where 0")
    git("init", "-q")
    git("add", "checks")
    git("commit", "-q", "-m", "first")
    assert bulkq("checks", "-t", shop, "--changed-since", "HEAD") == 2
    assert bulkq("checks", "-t", shop, "--changed-since", "HEAD", "--allow-empty") == 0
    Path("checks/ids.csv").write_text("id\n2\n")
    Path("checks/c.sql").write_text("select 2 where 0")
    Path("checks/new file.sql").write_text("select 3 where 0")
    capfd.readouterr()
    assert bulkq("checks", "-t", shop, "--changed-since", "HEAD", "--report", "json") == 0
    found = json.loads(capfd.readouterr().out)
    assert [check["file"] for check in found["checks"]] == ["checks/b.sql", "checks/c.sql", "checks/new file.sql"]
    Path("checks/ids.csv").write_text("id\n1\n")
    git("config", "diff.relative", "true")
    Path("sub").mkdir()
    os.chdir("sub")
    assert bulkq("../checks", "-t", shop, "--changed-since", "HEAD", "--report", "json") == 0
    found = json.loads(capfd.readouterr().out)
    assert [check["name"] for check in found["checks"]] == ["c", "new file"]
    os.chdir("..")
    for revision in ("nonsense", "--output=x"):
        assert bulkq("checks", "-t", shop, f"--changed-since={revision}") == 2
        assert f'--changed-since "{revision}"' in capfd.readouterr().err
    assert not Path("x").exists()


def changed(*arguments: str) -> list[str]:
    """The names of the checks that `--changed-since` keeps."""
    assert bulkq(*arguments, "--allow-empty", "--report", "json:r.json") in {0, 1}
    return [check["name"] for check in json.loads(Path("r.json").read_text())["checks"]]


def test_git_is_asked_where_the_file_is(shop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The repository of the file counts, not that of the folder; what git does not look after has changed."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    Path("checks/p.sql").write_text("select :id where :id = 'x'")
    Path("ids.csv").write_text("id\n1\n")
    Path("elsewhere").mkdir()
    Path("elsewhere/e.sql").write_text(FINE)
    Path("elsewhere/.gitignore").write_text("ignored.sql\n")
    for folder in (".", "elsewhere"):
        git("-C", folder, "init", "-q")
        git("-C", folder, "add", "checks", "ids.csv") if folder == "." else git("-C", folder, "add", ".")
        git("-C", folder, "commit", "-q", "-m", "first")
    since = ("-t", shop, "--changed-since", "HEAD")
    given = ("-p", "ids.csv", "--extra-columns", "ignore")
    assert changed("checks", *given, *since) == []
    Path("ids.csv").write_text("id\n2\n")
    assert changed("checks", *given, *since) == ["p"]
    Path("list.sql").write_text("-- name: ids\nselect 'y' as id")
    assert changed("checks", "-p", "@list.sql:ids", *since) == ["p"]
    assert changed("elsewhere", *since) == []
    Path("elsewhere/ignored.sql").write_text(FINE.replace("fine", "ignored"))
    Path("elsewhere/e.sql").write_text(FINE.replace("fine", "other"))
    assert changed("elsewhere", *since) == ["other", "ignored"]
    Path("loose").mkdir()
    Path("loose/l.sql").write_text(FINE.replace("fine", "loose"))
    assert changed("loose", *since) == ["loose"]
    os.chdir("loose")
    assert changed("../elsewhere", *since) == ["other", "ignored"]
    os.chdir("..")
    git("-C", "elsewhere", "checkout", "-q", "e.sql")
    git("tag", "only-here")
    assert changed("checks", "elsewhere", "-t", shop, *given, "--changed-since", "only-here") == [
        "p",
        "fine",
        "ignored",
    ]
    assert bulkq("elsewhere", "-t", shop, "--changed-since", "only-here") == 2
    assert '--changed-since "only-here": git does not find this revision' in capfd.readouterr().err


def test_a_submodule_has_changed_with_its_commit(shop: str) -> None:
    """`HEAD` is that of the repository around it, unless one works in the submodule."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    Path("origin").mkdir()
    Path("origin/s.sql").write_text(FINE.replace("fine", "same"))
    Path("origin/t.sql").write_text(FINE.replace("fine", "before"))
    git("-C", "origin", "init", "-q")
    git("-C", "origin", "add", ".")
    git("-C", "origin", "commit", "-q", "-m", "first")
    git("init", "-q")
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "./origin", "sub")
    git("add", "checks")
    git("commit", "-q", "-m", "with it")
    since = ("-t", shop, "--changed-since", "HEAD")
    assert changed("checks", "sub", *since) == []
    Path("sub/t.sql").write_text(FINE.replace("fine", "after"))
    assert changed("checks", "sub", *since) == ["after"]
    git("-C", "sub", "commit", "-q", "-a", "-m", "second")
    assert changed("checks", "sub", *since) == ["after"]
    os.chdir("sub")
    assert changed(".", *since) == []
    os.chdir("..")
    git("add", "sub")
    git("commit", "-q", "-m", "the second")
    assert changed("checks", "sub", *since) == []


def test_a_link_that_leads_elsewhere_now(shop: str) -> None:
    """What it leads to is as before; the check is another one."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    Path("checks/b.sql").write_text(FINE.replace("fine", "other"))
    Path("linked.sql").symlink_to("checks/a.sql")
    git("init", "-q")
    git("add", "checks", "linked.sql")
    git("commit", "-q", "-m", "first")
    assert changed("linked.sql", "-t", shop, "--changed-since", "HEAD") == []
    Path("linked.sql").unlink()
    Path("linked.sql").symlink_to("checks/b.sql")
    assert changed("linked.sql", "-t", shop, "--changed-since", "HEAD") == ["other"]


def git(*arguments: str) -> None:
    names = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], check=True, env={**os.environ, **names, "GIT_CONFIG_GLOBAL": "/dev/null"})


def test_the_past_of_a_check(shop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`runs --check` knows it by its name, `report` makes any report again, without rows; nothing is resumed."""
    for text in (FINE, FINE.replace("1 = 0", "1 = 1"), FINE):
        Path("checks/a.sql").write_text(text)
        bulkq("checks", "-t", shop)
    capfd.readouterr()
    assert main(["runs", "--check", "fine"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "check         checks/a.sql:fine"
    assert "runs          3, flaky" in lines
    assert [line.split()[3] for line in lines[-3:]] == ["pass", "fail", "pass"]
    assert main(["runs", "--check", "checks/a.sql:fine", "--format", "json", "--limit", "2"]) == 0
    (known,) = json.loads(capfd.readouterr().out)
    assert (known["flaky"], [run["rows"] for run in known["runs"]]) == (True, [0, 1])
    assert main(["runs", "--check", "fin"]) == 2
    assert "(did you mean fine?)" in capfd.readouterr().err
    assert main(["runs", "--check", "fine", "--status", "ok"]) == 2
    assert main(["report", "--last", "--format", "json"]) == 0
    again = json.loads(capfd.readouterr().out)
    assert (again["mode"], again["checks"][0]["verdict"], again["checks"][0]["sample"]) == ("check", "pass", [])
    assert main(["report", again["run"], "--format", "junit", "-o", "again.xml"]) == 0
    assert "<testsuite" in Path("again.xml").read_text()
    assert main(["resume", "--last"]) == 4
    assert "was a check" in capfd.readouterr().err
    bulkq("-t", shop, "-e", "-- name: late\n-- @until 2999-01-01\nselect 1")
    assert main(["runs", "--check", "late"]) == 0
    assert "last pass     never" in capfd.readouterr().out.splitlines()  # a warning is no pass
    assert main(["runs", again["run"]]) == 0
    assert f"bulkq report {again['run']}" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report"], "no run: bulkq report RUN, or --last"),
        (["report", "x", "--last"], '"x" and --last: name one of them'),
        (["report", "x"], "no ledger"),
        (["report", "--last", "--format", "junt"], 'did you mean "junit"?'),
        (["report", "--last", "--format", "json:x"], "name the format alone"),
    ],
)
def test_wrong_reports(arguments: list[str], said: str, shop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """One line, exit 2."""
    assert main(arguments) == 2
    assert said in capfd.readouterr().err


def test_a_run_is_reported_again_too(shop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`bulkq report` is for every run of the ledger, with the counts of its queries."""
    assert main(["run", "-e", "select :n / 1, json(:n)", "-t", shop, "-p", "range:n=1..3", "--format", "none"]) == 0
    assert main(["run", "-e", "select json(:v)", "-t", shop, "-p", "v.csv", "--format", "none"]) == 2
    Path("v.csv").write_text("v\n1\n{\n")
    assert main(["run", "-e", "select json(:v)", "-t", shop, "-p", "v.csv", "--format", "none"]) == 1
    capfd.readouterr()
    assert main(["report", "--last", "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["counts"]["ok"], found["counts"]["failed"], found["queries"][0]["failed"]) == (1, 1, 1)
    assert main(["report", "--last"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert "failed (from the ledger, which contains neither rows nor parameters)" in lines  # which is no reason


def test_the_action_runs_the_checks(shop: str, tmp_path: Path) -> None:
    """The script of the composite action: several paths, reports and options, and bulkq's own exit code."""
    script = _script(ROOT / "action.yml")
    tools = tmp_path / "runner" / "bulkq" / "bin"
    tools.mkdir(parents=True)
    (tools / "bulkq").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bulkq "$@"\n')
    (tools / "bulkq").chmod(0o755)
    Path("more checks.sql").write_text(BAD)
    environment = {
        **os.environ,
        "RUNNER_TEMP": str(tmp_path / "runner"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "BULKQ_TARGET": shop,
        "CHECK_PATHS": "checks/\nmore checks.sql\n",
        "CHECK_REPORTS": "junit:out.xml",
        "CHECK_SINCE": "",
        "CHECK_LANES": "2",
        "CHECK_ARGUMENTS": "--timeout\n5s",
        "CHECK_VERSION": "",
        "ACTION_FOLDER": str(ROOT),
    }
    done = subprocess.run(["bash", "-e", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "output").read_text() == "exit-code=1\n"
    assert "::error file=" in done.stderr
    assert Path("out.xml").exists()
    assert "bad" in (tmp_path / "summary.md").read_text()


def test_the_places_where_others_look(tmp_path: Path) -> None:
    """The action's inputs all reach its script, and the hooks call commands that there are."""
    action = (ROOT / "action.yml").read_text()
    declared = re.findall(r"^  ([a-z-]+):\n    description", action.partition("outputs:")[0], re.MULTILINE)
    used = set(re.findall(r"inputs\.([a-z-]+)", action))
    assert set(declared) == used
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text()
    for entry in re.findall(r"entry: bulkq (\w+)", hooks):
        assert main([entry, "--help"]) == 0


def _script(action: Path) -> str:
    """What stands under `run: |`."""
    lines = action.read_text().partition("      run: |\n")[2].splitlines()
    return "\n".join(line.removeprefix("        ") for line in lines)


def test_two_names_for_one_database_are_told(cli: Cli, sqlite_file: SqliteFile) -> None:
    """As in a run: the checks come once for each name."""
    sqlite_file("create table t (a)", "one.db")
    (cli.folder / "two.db").hardlink_to(cli.folder / "one.db")
    done = cli("check", "-e", "select 1 where 0", "-t", "sqlite:///one.db", "-t", "sqlite:///two.db")
    assert done.code == 0
    assert (
        '"sqlite:///one.db" and "sqlite:///two.db" are the same database: its checks come once for each name'
        in done.err
    )

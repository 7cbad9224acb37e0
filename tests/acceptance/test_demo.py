"""`bulkq demo` as a newcomer runs it, and every command that it advises."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq import package_data
from bulkq.errors import UsageError
from bulkq.tasks.demo import make, went_as_meant

if TYPE_CHECKING:
    from tests.support.command import Cli

FILES = {
    "customers.csv",
    "failures.jsonl",
    "prices.csv",
    "report.json",
    "shop.db",
    "shop.sql",
    "summary.csv",
}


def dump(folder: Path) -> list[str]:
    """The whole database as text."""
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        return list(database.iterdump())


def test_the_demo_shows_work_and_failure(cli: Cli) -> None:
    """A folder, a run in which two of 200 fail as announced, its outputs; exit 0 within seconds."""
    done = cli("demo", timeout_s=30)
    assert done.code == 0, done.err
    folder = cli.folder / "bulkq-demo"
    assert {p.name for p in folder.iterdir()} == FILES
    assert "198 of 200 customers have a result" in done.text
    assert "malformed JSON" in done.err
    assert "timed out after 1s" in done.err
    assert (done.counts["ok"], done.counts["failed"], done.counts["exit"]) == ("198", "2", "1")
    assert float(done.counts["elapsed"].removesuffix("s")) < 5
    answers = (folder / "summary.csv").read_text().splitlines()
    assert answers[0] == "id,name,city,orders,total,referrals"
    ids = [int(line.split(",")[0]) for line in answers[1:]]
    assert ids == [n for n in range(1, 201) if n not in {42, 118}]
    failures = [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
    assert [f["params"] for f in failures] == [{"customer": 42}, {"customer": 118}]
    assert json.loads((folder / "report.json").read_text())["counts"]["failed"] == 2


def test_the_demo_needs_no_home(cli: Cli) -> None:
    """Where nothing can be kept at home, the ledger of the demo is in its folder, and so is that of what to try next."""
    (cli.folder / "closed").touch()
    done = cli("demo", env={"XDG_STATE_HOME": str(cli.folder / "closed")})
    assert done.code == 0, done.err
    assert done.text.splitlines().count("  export BULKQ_LEDGER=ledger.db") == 1
    assert (cli.folder / "bulkq-demo" / "ledger.db").exists()


def test_everything_it_advises_works(cli: Cli) -> None:
    """The command that it shows and the ones to try next can be copied into a shell."""
    done = cli("demo")
    folder = cli.folder / "bulkq-demo"
    commands = [line.lstrip(" $") for line in done.text.splitlines() if line.lstrip(" $").startswith("bulkq run ")]
    shown, again, own, write = [shlex.split(line)[1:] for line in commands]
    before = (folder / "summary.csv").read_bytes()
    assert cli(*shown, cwd=folder).code == 1
    assert (folder / "summary.csv").read_bytes() == before
    repeated = cli(*again, cwd=folder)
    assert (repeated.code, repeated.counts["failed"]) == (1, "2")
    asked = cli(*own, cwd=folder)
    assert (asked.code, asked.counts["ok"]) == (0, "40")
    assert len(asked.text.splitlines()) == 40
    written = cli(*write, cwd=folder)
    assert (written.code, written.counts["changed"]) == (0, "40")


@pytest.mark.long
def test_a_second_demo_gets_a_folder_of_its_own(cli: Cli) -> None:
    """What is there is never touched, and the data is the same every time."""
    (cli.folder / "bulkq-demo").mkdir()
    (cli.folder / "bulkq-demo-2").write_text("mine")
    assert "Made the folder bulkq-demo-3" in cli("demo").text
    assert "cd bulkq-demo-4" in cli("demo").text
    assert list((cli.folder / "bulkq-demo").iterdir()) == []
    assert dump(cli.folder / "bulkq-demo-3") == dump(cli.folder / "bulkq-demo-4")


def test_settings_of_the_environment_do_not_change_it(cli: Cli) -> None:
    """Somebody who has configured bulkq already sees the same demo."""
    mine = {"BULKQ_TARGET": "postgresql://nowhere/x", "BULKQ_MAX_FAILURES": "1", "BULKQ_TIMEOUT": "1ms"}
    (cli.folder / "bulkq.toml").write_text("[defaults]\nmax-failures = 1\nunordered = true\n")
    done = cli("demo", env=mine)
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (0, "198", "2"), done.err


def test_no_folder_is_one_line(cli: Cli) -> None:
    """Where nothing can be made, that is said in a line, and the exit code is 2."""
    if not Path("/proc/self").exists():
        pytest.skip("no /proc, where even root cannot make a folder")
    done = cli("demo", cwd=Path("/proc"))
    assert (done.code, done.text) == (2, "")
    assert done.err.startswith('bulkq: cannot make the folder "bulkq-demo" here: ')
    assert len(done.err.splitlines()) == 1


def test_a_full_disk_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever SQLite has against the file is one line as well."""

    def full(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("bulkq.tasks.demo._fill", full)
    with pytest.raises(UsageError, match="disk is full"):
        make(tmp_path)


def test_it_knows_when_something_else_went_wrong(tmp_path: Path) -> None:
    """The explanation is only given for the failures that it explains."""
    assert not went_as_meant(tmp_path)
    (tmp_path / "failures.jsonl").write_text('{"n": 42}\n{"n": 118}\n')
    assert went_as_meant(tmp_path)
    (tmp_path / "failures.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    assert not went_as_meant(tmp_path)


def test_resources_are_found_in_the_wheel_and_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's folder comes first; without either the installation is broken, and the message says so."""
    assert (package_data.find("sql") / "demo" / "shop.sql").is_file()
    assert package_data.find("migrations").is_dir()
    monkeypatch.setattr(package_data, "PACKAGE", tmp_path / "bulkq")
    with pytest.raises(UsageError, match="reinstall it"):
        package_data.find("sql")
    (tmp_path / "sql").mkdir()
    assert package_data.find("sql") == tmp_path / "sql"
    (tmp_path / "bulkq" / "_sql").mkdir(parents=True)
    assert package_data.find("sql") == tmp_path / "bulkq" / "_sql"

"""Runs that an older bulkq has recorded go on: `old_runs/` has ledgers and targets as it left them.

`plain` was recorded by commit a9bb2df and `settings` by c061423, both in form 1 of the request, in which all options stand
on one level. Each run stopped at its first parameter set, which broke a constraint.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command import Cli

OLD_RUNS = Path(__file__).parent / "old_runs"
FAILURE = (
    '{"n":1,"source":"ids.csv:2","target":"sqlite:///app.db","query":"add","params":{"id":1},"outcome":"rolled_back",'
    '"sqlstate":"SQLITE_CONSTRAINT_CHECK","message":"CHECK constraint failed: n < 9","attempts":1}\n'
)
QUERY = """\
-- name: add(id: bigint)
-- @mode write
-- @timeout 5s
update t set n = n + 1 where id = :id;
"""


def restored(folder: Path, name: str) -> str:
    """Put the files of an old run into `folder`; its id."""
    (folder / "q.sql").write_text(QUERY)
    (folder / "ids.csv").write_text("id\n1\n2\n3\n4\n5\n6\n")
    (folder / "f.jsonl.partial").write_text(FAILURE)
    application, ledger = folder / "app.db", folder / "ledger.db"
    with closing(sqlite3.connect(application)) as database:
        database.executescript((OLD_RUNS / f"{name}.app.sql").read_text())
    identity = f"{os.path.realpath(application)}#{application.stat().st_ino}"
    text = (OLD_RUNS / f"{name}.ledger.sql").read_text()
    with closing(sqlite3.connect(ledger)) as database:
        database.executescript(text.replace("{identity}", identity).replace("{folder}", str(folder)))
        return str(database.execute("select run from runs").fetchone()[0])


@pytest.mark.parametrize("name", ["plain", "settings"])
def test_a_run_of_an_older_version_goes_on(cli: Cli, tmp_path: Path, name: str) -> None:
    """What it had not done is done, once; its failed set stays failed and can be tried again."""
    run = restored(tmp_path, name)
    done = cli("resume", run, "--ledger", "ledger.db", "--max-failures", "9")
    assert done.code == 1, done.err
    assert (done.counts["ok"], done.counts["failed"], done.counts["skipped"]) == ("5", "1", "0")
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        assert database.execute("select n from t order by id").fetchall() == [(8,), (1,), (1,), (1,), (1,), (1,)]
        database.execute("update t set n = 0 where id = 1")
        database.commit()
    assert (tmp_path / "f.jsonl").read_text() == FAILURE
    again = cli("retry", run, "--ledger", "ledger.db")
    assert (again.code, again.counts["ok"]) == (0, "1"), again.err


def test_what_an_older_version_has_done_is_shown(cli: Cli, tmp_path: Path) -> None:
    """The queries of a recorded request stand elsewhere in each form, and are found in both."""
    run = restored(tmp_path, "plain")
    shown = cli("report", run, "--ledger", "ledger.db", "--format", "json")
    assert shown.code == 0, shown.err
    assert [query["name"] for query in json.loads(shown.text)["queries"]] == ["add"]


def test_a_form_that_is_not_known_is_refused(cli: Cli, tmp_path: Path) -> None:
    """A newer bulkq may have recorded what this one would not do."""
    run = restored(tmp_path, "settings")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        database.execute("""update runs set request = replace(request, '"version": 1', '"version": 9')""")
        database.commit()
    refused = cli("resume", run, "--ledger", "ledger.db")
    assert refused.code == 4
    assert "recorded in form 9, and this bulkq reads forms 1 to 2: use a newer bulkq" in refused.err

"""`bulkq ctl` and a live run as two processes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.command import Cli, Finished

COUNT = """
with recursive c(i) as (select 1 union all select i + 1 from c where i < 3000)
insert into done select :n, count(*) from c
"""


@pytest.fixture
def private() -> Iterator[dict[str, str]]:
    """Folders in which no other run is live; the socket has a short path."""
    with TemporaryDirectory(prefix="bq-") as folder:
        yield {"XDG_STATE_HOME": folder, "TMPDIR": folder}


def test_a_word_that_is_neither_a_run_nor_a_command(cli: Cli, private: dict[str, str]) -> None:
    """The message names the commands; of a word before a command it says only that there is no such run."""
    answer = cli("ctl", "slow", env=private)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert 'no run "slow"' in answer.err
    assert answer.err.rstrip().endswith("; commands are status, why, pause, resume, drain, stop, set, get")
    assert "commands are" not in cli("ctl", "slow", "pause", env=private).err
    answer = cli("ctl", "ddrain", env=private)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert 'unknown command "ddrain" (did you mean "drain"?)' in answer.err
    assert 'unknown command "sett" (did you mean "set"?)' in cli("ctl", "sett", "rate=5/s", env=private).err
    assert cli("ctl", "stop", env=private).err == "bulkq: no run is live: bulkq runs lists those that have ended\n"


def test_a_run_is_steered(cli: Cli, private: dict[str, str]) -> None:
    """Status, settings, a pause, a refusal, a drain; then the resume does the rest once, and the run has ended."""
    with sqlite3.connect(cli.folder / "app.db") as connection:
        connection.execute("create table done (n integer, c integer)")
    connection.close()
    (cli.folder / "hold").touch()
    source = ("-t", "sqlite:///app.db", "-p", "range:n=1..400", "--throttle", "file:hold")
    process = cli.start("run", "-e", COUNT, *source, "--write", "-j", "2", "--batch", "1", env=private)
    assert process.stderr is not None
    run = process.stderr.readline().decode().split()[0].removeprefix("run=")

    def ctl(*words: str) -> Finished:
        return cli("ctl", *words, env=private)

    for _ in range(20):  # until it listens
        if (answer := ctl("--json")).code == 0:
            break
        assert "no run is live" in answer.err or "has not begun" in answer.err, answer.err
    status = json.loads(answer.out)
    assert (status["run"], status["status"]["command"], status["status"]["mode"]) == (run, "run", "write")
    assert ctl("pause", "--for", "1h").out.decode().startswith(f"run {run}: paused for 1h")
    assert ctl(run[:6], "set", "rate=1/s", "nice=0.1").out.decode() == f"run {run}: rate none -> 1/s, nice 0 -> 0.1\n"
    assert ctl("why").out.decode().startswith("paused by ")
    refused = ctl("set", "concurrency=0")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "concurrency=0: it is not a whole number from 1 to 256" in refused.err
    lines = ctl().out.decode()
    assert "state     paused by " in lines
    assert "change    " in lines
    (cli.folder / "hold").unlink()
    assert ctl("resume").code == 0
    assert "stopping" in ctl("drain").out.decode()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 5, err
    assert "stopped: drained by " in err.decode()
    assert list((Path(private["XDG_STATE_HOME"]) / "bulkq" / "live").iterdir()) == []
    assert f"run {run}: it has ended: status=stopped exit=5 ok=" in ctl(run).out.decode()
    resumed = cli("resume", run, env=private)
    assert resumed.code == 0, resumed.err
    assert f"bulkq ctl {run} set rate=1/s nice=0.1 sets it again" in resumed.err
    with sqlite3.connect(cli.folder / "app.db") as connection:
        assert connection.execute("select count(*), count(distinct n) from done").fetchone() == (400, 400)
    connection.close()

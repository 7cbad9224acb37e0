"""SIGINT, SIGTERM and SIGHUP: the first drains, the second cancels; the summary is the last line in any case."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

TARGET = "sqlite:///app.db"
COUNT = """
with recursive c(i) as (select 1 union all select i + 1 from c where i < cast(:n as integer))
select count(*) as n from c
"""


@pytest.fixture(autouse=True)
def database(tmp_path: Path) -> None:
    """An empty database."""
    sqlite3.connect(tmp_path / "app.db").close()


def started(cli: Cli, *arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """A run that has begun, and its first line."""
    process = cli.start("run", "-e", COUNT, "-t", TARGET, "-j", "2", *arguments)
    assert process.stderr is not None
    return process, process.stderr.readline().decode()


def ended(process: subprocess.Popen[bytes]) -> list[str]:
    """The other lines of stderr."""
    _, err = process.communicate(timeout=30)
    return err.decode().splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_drains(cli: Cli, number: signal.Signals) -> None:
    """What runs is finished, nothing new begins: exit code 5, and what was left is counted."""
    before = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:  # of a suite that nohup started, SIGHUP is ignored, and so it would be in the run
        process, first = started(cli, "-p", "range:n=20000..1000000000", "-o", "out.csv")
    finally:
        signal.signal(number, before)
    assert first.startswith("run=")
    process.send_signal(number)
    lines = ended(process)
    assert process.returncode == 5, lines
    assert "stopping: no new batch is started, waiting for running queries (interrupt again to cancel them)" in lines
    assert "status=stopped" in lines[-1]
    assert "failed=0 unknown=0" in lines[-1]
    assert "exit=5" in lines[-1]


@pytest.mark.parametrize("ledger", ["auto", "none"])
@pytest.mark.parametrize("mode", [(), ("--write",)])
def test_a_silent_pipe_holds_nobody(cli: Cli, ledger: str, mode: tuple[str, ...]) -> None:
    """While nothing runs there is nothing to wait for: a pipe that gives no more does not keep a run from its end."""
    pipe = ("-p", "-", "--params-format", "csv", "--ledger", ledger, *mode)
    process = cli.start("run", "-e", "select :n as n", "-t", TARGET, "-j", "4", *pipe, stdin=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"n\n1\n2\n")
    process.stdin.flush()
    assert [process.stdout.readline() for _ in range(2)] == [b'{"n":1}\n', b'{"n":2}\n']
    time.sleep(0.5)  # until the lane is at the pipe again
    began_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=10)
    took_s = time.monotonic() - began_s
    lines = ended(process)
    assert (process.returncode, took_s < 5) == (5, True), lines
    assert "status=stopped ok=2 failed=0 unknown=0 skipped=0" in lines[-1]


@pytest.mark.parametrize("ledger", ["auto", "none"])
def test_a_query_for_parameters_holds_nobody(cli: Cli, ledger: str) -> None:
    """The first signal ends a run whose parameters come from a query that has fallen silent."""
    silent = (
        "with recursive c(n) as (select 1 union all select n + 1 from c) select n from c where n < 9000 or n > 9e12"
    )
    process = cli.start("run", "-e", "select :n as n", "-t", TARGET, "-p", f"sql:{silent}", "--ledger", ledger)
    assert process.stdout is not None
    assert process.stdout.readline() == b'{"n":1}\n'
    time.sleep(1)
    began_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    lines = ended(process)
    assert (process.returncode, time.monotonic() - began_s < 10) == (5, True), lines
    assert "status=stopped" in lines[-1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_cancels(cli: Cli, number: signal.Signals, code: int) -> None:
    """A query that would run for hours is cancelled; exit code 130 or 143."""
    process, _ = started(cli, "--param", "n=100000000000", "--timeout", "none")
    time.sleep(1)  # until the query runs: a signal before that finds nothing to wait for
    process.send_signal(number)
    assert process.stderr is not None
    assert process.stderr.readline().decode().startswith("stopping:")
    process.send_signal(number)
    lines = ended(process)
    assert process.returncode == code, lines
    assert lines[0] == "cancelling the running queries"
    assert f"exit={code}" in lines[-1]


def test_nohup_is_respected(cli: Cli) -> None:
    """A SIGHUP that the parent ignores stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process, _ = started(cli, "--param", "n=3000000")
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    lines = ended(process)
    assert process.returncode == 0, lines
    assert "status=ok" in lines[-1]


def test_sigusr1_shows_a_line_of_the_status(cli: Cli) -> None:
    """The run goes on, and every signal has its line."""
    process, first = started(cli, "-p", "range:n=20000..1000000000", "-o", "out.csv")
    run = first.split()[0]
    assert process.stderr is not None
    for _ in range(2):
        process.send_signal(signal.SIGUSR1)
        while not (line := process.stderr.readline().decode()).startswith("status: "):
            assert line
        assert line.startswith(f"status: {run} ")
        assert " ok=" in line
    process.send_signal(signal.SIGTERM)
    assert "status=stopped" in ended(process)[-1]

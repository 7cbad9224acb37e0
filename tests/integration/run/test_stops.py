"""Signals, readers that leave, deadlines, too few connections."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.targets import ENDLESS, LOOKUP, Target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


def test_first_signal_drains(target: Target, cli: Cli, tmp_path: Path) -> None:
    """SIGINT in the middle: what runs ends, exit 5, the partial keeps its name, the summary is there."""
    target.numbers(10)
    query = "select cast(:id as integer) as id, (select count(*) from numbers a, numbers b, numbers c, numbers d) as n"
    process = cli.start(
        "run", "-e", query, "-t", target.url, "-p", "range:id=1..1000000", "-o", "out.jsonl", "--progress", "none"
    )
    _wait_for_bytes(tmp_path / "out.jsonl.partial")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 5, err
    last = err.decode().strip().splitlines()[-1]
    assert "status=stopped" in last
    assert "exit=5" in last
    assert not (tmp_path / "out.jsonl").exists()
    assert (tmp_path / "out.jsonl.partial").exists()


def _busy_s(pid: int) -> float:
    """Seconds that a process has computed: SQLite's endless query is under way when they grow."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_second_signal_cancels(target: Target, cli: Cli, number: signal.Signals, code: int) -> None:
    """A second signal cancels on the server; nothing is left there."""
    endless = ENDLESS["sqlite" if target.sqlite else "postgresql"]
    process = cli.start(
        "run",
        "-e",
        f"{endless} /* :x */",
        "-t",
        target.url,
        "--timeout",
        "60s",
        "--progress",
        "none",
        "-o",
        "/dev/null",
    )
    assert process.stderr is not None
    process.stderr.readline()
    began_s = time.monotonic()
    busy_s = _busy_s(process.pid)
    while time.monotonic() < began_s + 10 and not (
        _busy_s(process.pid) > busy_s + 0.3 if target.sqlite else target.active()
    ):
        time.sleep(0.05)
    process.send_signal(number)
    process.stderr.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert f"exit={code}" in err.decode()
    assert target.active() == 0


def test_a_reader_that_leaves(target: Target, cli: Cli) -> None:
    """`| head -1` ends quietly with exit 0."""
    target.numbers(50_000)
    process = cli.start("run", "-e", LOOKUP, "-t", target.url, "-p", "range:id=1..50000", "--progress", "none")
    assert process.stdout is not None
    assert process.stdout.readline() == b'{"id":1,"square":1}\n'
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert b"Traceback" not in err
    assert b"Broken" not in err


def test_the_deadline_of_the_run(postgres_target: Target, cli: Cli) -> None:
    """`--deadline` cancels what runs and stops with exit 5."""
    got = cli(
        "run",
        "-e",
        "select pg_sleep(20) where :id::int > 0",
        "-t",
        postgres_target.url,
        "-p",
        "range:id=1..20",
        "--deadline",
        "1s",
        "--format",
        "none",
    )
    assert got.code == 5, got.err
    assert "deadline" in got.err
    assert float(got.counts["elapsed"].rstrip("s")) < 5
    assert postgres_target.active() == 0


def test_more_lanes_than_connections(postgres_target: Target, cli: Cli) -> None:
    """`-j` above what the server has free is refused with the arithmetic."""
    got = cli(
        "run",
        "-e",
        "select :id::int",
        "-t",
        postgres_target.url,
        "-p",
        "range:id=1..5000",
        "-j",
        "1000",
        "--format",
        "none",
    )
    assert got.code == 4, got.err
    assert "-j 1000 needs 999 more connections" in got.err


def _wait_for_bytes(path: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if path.exists() and path.stat().st_size:
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} stayed empty")

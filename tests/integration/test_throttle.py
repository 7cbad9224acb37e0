"""`--throttle file:PATH`: while the file exists no batch starts, in runs and in checks; what is running finishes."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import bulkq
from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.errors import UsageError
from bulkq.lifecycle.request_json import from_json, to_json
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.tasks.run import run
from bulkq.throttles import base
from tests.support import sleepy_library
from tests.support.watchers import Watcher

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import Run
    from tests.support.command import Cli

SLEEP = "select sleep(0.01) as s"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read the signal a hundred times a second."""
    monkeypatch.setattr(base, "EVERY_S", 0.01)
    sleepy_library.register()
    (tmp_path / "sleepy.db").touch()


def request(tmp_path: Path, sets: int = 200, **more: object) -> Run:
    """Sets of a hundredth of a second each."""
    asked = {"ledger": "none", "concurrency": 2, "batch": 1, "batch_given": True, "params": (f"range:id=1..{sets}",)}
    return make_run(
        queries=(queries.inline("select sleep(0.01) as s, :id as id", "sqlite"),),
        targets=(Target(url=f"sleepy:///{tmp_path / 'sleepy.db'}"),),
        **{**asked, "throttle": (f"file:{tmp_path / 'hold'}",), **more},  # type: ignore[arg-type]
    )


async def test_a_file_that_appears_holds_a_run_and_its_end_lets_it_go_on(tmp_path: Path) -> None:
    """No batch starts while the file exists; the progress says why; afterwards every set is done, in order."""
    hold = tmp_path / "hold"
    out, watcher = io.BytesIO(), Watcher()
    work = asyncio.create_task(run(request(tmp_path, format="csv"), control=Control(), stdout=out, observers=[watcher]))
    async with asyncio.timeout(30):
        while watcher.progress is None or watcher.progress.done < 5:
            await asyncio.sleep(0.005)
    hold.touch()
    progress = await watcher.until(f"throttled: file {hold} exists")
    await asyncio.sleep(0.2)  # what was running has ended
    done = progress.done
    await asyncio.sleep(0.3)
    assert progress.done == done < 200
    assert progress.in_flight == 0
    assert progress.throttled_s > 0.3
    hold.unlink()
    summary = await work
    assert (summary.exit_code, summary.ok) == (0, 200)
    assert [int(line.split(",")[1]) for line in out.getvalue().decode().splitlines()[1:]] == list(range(1, 201))
    assert f" throttle=file:{hold}" in next(line for line in watcher.lines if line.startswith("run="))
    assert [line.partition(", after")[0] for line in watcher.lines if "throttled" in line] == [
        f"throttled: file {hold} exists: waiting",
        "no longer throttled",
    ]


async def test_a_throttled_run_obeys_a_drain_and_a_deadline(tmp_path: Path) -> None:
    """A run that waits ends at once when it is asked to, and can be resumed."""
    (tmp_path / "hold").touch()
    control, watcher = Control(), Watcher()
    work = asyncio.create_task(run(request(tmp_path), control=control, observers=[watcher]))
    await watcher.until(f"throttled: file {tmp_path / 'hold'} exists")
    control.drain("interrupted")
    async with asyncio.timeout(5):
        summary = await work
    assert (summary.exit_code, summary.ok, summary.skipped) == (5, 0, 200)
    summary = await run(request(tmp_path, deadline_s=0.3), control=Control())
    assert (summary.exit_code, summary.ok, summary.reason) == (5, 0, "the deadline of 0.3s passed")


async def test_a_run_that_waits_too_long_or_meets_a_critical_signal_stops(tmp_path: Path) -> None:
    """It ends with 5 and can be resumed; the hours of the day do not count as waiting."""
    hold = tmp_path / "hold"
    hold.touch()
    summary = await run(request(tmp_path, throttle_timeout_s=0.3), control=Control())
    assert (summary.exit_code, summary.reason) == (5, f"throttled for 0.3s: file {hold} exists")
    critical = {"throttle": (), "critical": (f"file:{hold}",)}
    summary = await run(request(tmp_path, **critical), control=Control())
    assert (summary.exit_code, summary.ok, summary.reason) == (5, 0, f"critical: file {hold} exists")
    paused = await run(request(tmp_path, **critical, on_critical="pause", deadline_s=0.3), control=Control())
    assert (paused.exit_code, paused.ok, paused.reason) == (5, 0, "the deadline of 0.3s passed")
    now = datetime.now()  # noqa: DTZ005 - the zone of the machine
    closed = f"{(now + timedelta(hours=2)):%H:%M}-{(now + timedelta(hours=3)):%H:%M}"
    night = request(tmp_path, throttle=(), window=(closed,), throttle_timeout_s=0.1, deadline_s=0.5)
    summary = await run(night, control=Control())
    assert (summary.exit_code, summary.ok, summary.reason) == (5, 0, "the deadline of 0.5s passed")


async def test_a_run_keeps_its_pace(tmp_path: Path) -> None:
    """A rate bounds the sets per second, and a nice run pauses."""
    for more, least_s in (({"max_rate": "40/s"}, 0.3), ({"nice": 2.0}, 0.2)):
        began_s = time.monotonic()
        summary = await run(request(tmp_path, sets=20, throttle=(), **more), control=Control())
        assert (summary.exit_code, summary.ok) == (0, 20)
        assert time.monotonic() - began_s > least_s


async def test_a_run_without_sets_left_does_not_wait(tmp_path: Path) -> None:
    """When every set was cut, a throttle holds nothing any more."""
    hold = tmp_path / "hold"
    watcher = Watcher()
    work = asyncio.create_task(run(request(tmp_path, sets=1, timeout_s=None), control=Control(), observers=[watcher]))
    async with asyncio.timeout(30):
        while watcher.progress is None or watcher.progress.in_flight + watcher.progress.done == 0:
            await asyncio.sleep(0)
    hold.touch()
    async with asyncio.timeout(20):
        summary = await work
    assert summary.ok == 1


async def test_a_bad_expression_ends_the_run_before_anything_is_sent(tmp_path: Path) -> None:
    """An unknown signal is a usage error."""
    with pytest.raises(UsageError, match='^--throttle "lagg<2s": unknown signal'):
        await run(request(tmp_path, throttle=("lagg<2s",)), control=Control())


def test_the_recorded_request_has_the_throttle(tmp_path: Path) -> None:
    """A resume waits for the same signals."""
    asked = request(tmp_path)
    again, _ = from_json(to_json(asked, str(tmp_path)))
    assert again.limits.throttle == asked.limits.throttle == (f"file:{tmp_path / 'hold'}",)
    kept = json.loads(to_json(asked, str(tmp_path)))
    text = json.dumps(kept)
    assert '"throttle"' in text
    older = json.loads(text)
    del older["run"]["limits"]["throttle"]
    assert from_json(json.dumps(older))[0].limits.throttle == ()


async def test_python(tmp_path: Path) -> None:
    """`throttle=` of the Python API takes the same expressions."""
    hold = tmp_path / "hold"
    hold.touch()
    async with bulkq.open(f"sleepy:///{tmp_path / 'sleepy.db'}") as db:
        work = asyncio.create_task(db.execute(SLEEP, [{}] * 3, throttle=f"file:{hold}"))
        done, _ = await asyncio.wait({work}, timeout=0.5)
        assert not done
        hold.unlink()
        assert (await work).ok == 3
        with pytest.raises(bulkq.UsageError, match="^throttle=3: expressions"):
            await db.execute(SLEEP, throttle=3)  # type: ignore[arg-type]
        rows = [row async for row in db.run(SLEEP, [{}] * 2, throttle=[f"file:{hold}"])]
        assert len(rows) == 2


def test_a_relative_path_counts_from_where_it_was_typed(cli: Cli, tmp_path: Path) -> None:
    """A resume works in the folder of its run; the path of its own `--throttle` is that of the shell."""
    (tmp_path / "hold").touch()
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "other").touch()
    database = tmp_path / "held.db"
    sqlite3.connect(database).close()
    held = ("--deadline", "300ms")
    first = cli("run", "-e", "select :n", "-p", "range:n=1..3", "-t", f"sqlite:///{database}", "--throttle", "file:hold", *held, cwd=tmp_path)  # fmt: skip
    assert (first.code, first.counts["ok"]) == (5, "0")
    (tmp_path / "hold").unlink()
    again = cli("resume", "--last", "--throttle", "file:other", *held, cwd=inner)
    assert (again.code, again.counts["ok"]) == (5, "0"), again.err
    (inner / "other").unlink()
    assert cli("resume", "--last", "--throttle", "file:other", cwd=inner).counts["ok"] == "3"


HELD = """
[targets.shop]
url = "sqlite:///shop.db"
throttle = ["file:hold"]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a target that has a throttle."""
    sqlite3.connect(tmp_path / "shop.db").close()
    (tmp_path / "bulkq.toml").write_text(HELD)
    (tmp_path / "hold").touch()
    return tmp_path


def test_a_throttle_of_a_target_holds_every_run(cli: Cli, shop: Path) -> None:
    """By its name and by its URL, in a check and in a resume; `--throttle none` needs the name of the target."""
    run = ("run", "-e", "select :n", "-p", "range:n=1..3")
    held = ("--deadline", "300ms")
    inner = shop / "inner"
    inner.mkdir()
    first = cli(*run, "-t", "shop", *held, cwd=inner)
    assert (first.code, first.counts["ok"]) == (5, "0")
    assert f"throttle=file:{shop}/hold" in first.err
    assert cli(*run, "-t", f"sqlite:///{shop}/shop.db", *held, cwd=shop).code == 5
    assert cli("check", "-e", "select 1 where 0", "-t", "shop", *held, cwd=shop).code == 5
    refused = cli("resume", first.counts["run"], "--throttle", "none", cwd=shop)
    assert refused.code == 4
    assert 'target "shop" has throttles in the configuration: add --confirm shop to run without them' in refused.err
    done = cli("resume", first.counts["run"], "--throttle", "none", "--confirm", "shop", cwd=shop)
    assert (done.code, done.counts["ok"]) == (0, "3")
    for command in (run, ("check", "-e", "select 1 where 0")):
        free = (*command, "-t", "shop", "--throttle", "none")
        assert cli(*free, cwd=shop).code == 4
        assert cli(*free, "--confirm", "shop", cwd=shop).code == 0


def test_variables_hold_one_value_per_line(cli: Cli, shop: Path) -> None:
    """Queries and hours have spaces."""
    sqlite3.connect(shop / "free.db").close()
    held = {"BULKQ_THROTTLE": "sql:select 'closed'\nsql:select 0", "BULKQ_WINDOW": "00:00-24:00 Europe/Berlin"}
    done = cli("run", "-e", "select 1", "-t", f"sqlite:///{shop}/free.db", "--deadline", "300ms", cwd=shop, env=held)
    assert (done.code, "throttled: sql: closed: waiting" in done.err) == (5, True), done.err


def test_the_throttles_of_targets_are_shown(cli: Cli, shop: Path) -> None:
    """In the configuration, the list of targets and a plan."""
    assert f"targets.shop.throttle  file:{shop}/hold  bulkq.toml:4" in cli("config", "show", "run", cwd=shop).text
    assert json.loads(cli("config", "show", "--format", "json", cwd=shop).out)["targets"][0]["name"] == "shop"
    assert f"file:{shop}/hold" in cli("targets", "list", cwd=shop).text
    pace = (
        "--max-rate",
        "5/s",
        "--nice",
        "0.5",
        "--window",
        "00:00-24:00",
        "--critical",
        "file:x",
        "--throttle-timeout",
        "2h",
    )
    plan = cli("plan", "run", "-e", "select 1", "-t", "shop", *pace, cwd=shop)
    assert "critical file:x (stops), window 00:00-24:00, max rate 5/s, nice 0.5, throttle timeout 2h" in plan.text
    assert f"throttle file:{shop}/hold" in plan.text


def test_a_summary_says_how_long_each_signal_held_the_run(cli: Cli, shop: Path) -> None:
    """On stderr, in reports, and in a report of the ledger, over all processes of the run."""
    run = ("run", "-e", "select :n", "-p", "range:n=1..3", "-t", "shop", "--deadline", "400ms")
    first = cli(*run, "--report", "json:first.json", cwd=shop)
    assert first.code == 5
    held = float(first.counts["throttled"].removesuffix("s"))
    assert 0.1 < held < 5
    assert f"throttled for {held:.1f}s: file:{shop}/hold on shop {held:.1f}s (last exists)" in first.err
    throttled = json.loads((shop / "first.json").read_text())["throttled"]
    assert throttled["signals"][0]["name"] == f"file:{shop}/hold"
    cli("resume", first.counts["run"], "--deadline", "400ms", cwd=shop)
    again = json.loads(cli("report", first.counts["run"], "--format", "json", cwd=shop).out)
    assert again["throttled"]["seconds"] > throttled["seconds"]
    assert f"file:{shop}/hold on shop" in cli("report", first.counts["run"], cwd=shop).text


def test_a_check_keeps_hours_and_critical_signals(cli: Cli, shop: Path) -> None:
    """Its options are those of a run."""
    check = ("check", "-e", "select 1 where 0", "-t", f"sqlite:///{shop}/other.db")
    sqlite3.connect(shop / "other.db").close()
    stopped = cli(*check, "--critical", "file:hold", "--throttle", "file:hold", cwd=shop)
    assert (stopped.code, "critical: file hold exists" in stopped.err) == (5, True)
    late = cli(*check, "--throttle", "file:hold", "--throttle-timeout", "200ms", cwd=shop)
    assert (late.code, "throttled for 0.2s: file hold exists" in late.err) == (5, True)
    assert cli(*check, "--nice", "0.1", "--max-rate", "100/s", "--window", "00:00-24:00", cwd=shop).code == 0


async def test_python_knows_the_throttles_of_a_target(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They hold its runs; `throttle="none"` needs the name of the target."""
    monkeypatch.chdir(shop)
    monkeypatch.setenv("BULKQ_CONFIG", str(shop / "bulkq.toml"))
    async with bulkq.open("shop") as db:
        work = asyncio.create_task(db.execute("select 1", throttle_timeout=0.2))
        with pytest.raises(bulkq.StoppedError, match=r"throttled for 0\.2s: file .*hold exists"):
            await work
        with pytest.raises(bulkq.RefusedError, match='^target "shop" has throttles: open it with confirm="shop"'):
            await db.execute("select 1", throttle="none")
    async with bulkq.open("shop", confirm="shop") as db:
        assert (await db.execute("select 1", throttle="none", nice=0.1)).ok == 1


def two(tmp_path: Path, *, sets: int = 60, **more: object) -> Run:
    """A run on two targets, of which one has a throttle."""
    for name in ("eu", "us"):
        (tmp_path / f"{name}.db").touch()
    eu = Target(url=f"sleepy:///{tmp_path / 'eu.db'}", name="eu", throttle=(f"file:{tmp_path / 'hold'}",))
    us = Target(url=f"sleepy:///{tmp_path / 'us.db'}", name="us")
    return request(tmp_path, sets=sets, throttle=(), format="none", **more).on((eu, us))


async def test_a_signal_of_one_target_holds_that_target_alone(tmp_path: Path) -> None:
    """The other goes on to its end; then the run as a whole is held, which counts, until the signal lets go."""
    hold, watcher = tmp_path / "hold", Watcher()
    hold.touch()
    work = asyncio.create_task(run(two(tmp_path), control=Control(), observers=[watcher]))
    progress = await watcher.until(f"1 of 2 targets throttled: eu: file {hold} exists")
    assert progress.throttled_s == 0.0
    progress = await watcher.until(f"throttled: eu: file {hold} exists")
    assert (progress.done, progress.targets_done) == (60, 1)
    await asyncio.sleep(0.2)
    hold.unlink()
    summary = await work
    assert (summary.exit_code, summary.ok) == (0, 120)
    (wait,) = summary.throttles
    assert (wait.name, wait.target) == (f"file:{hold}", "eu")
    assert 0.2 < summary.throttled_s < wait.seconds
    assert [line.partition(", after")[0] for line in watcher.lines if "throttled" in line] == [
        f"throttled: eu: file {hold} exists: waiting",
        "eu: no longer throttled",
    ]


async def test_the_time_of_a_wait_counts_when_the_other_targets_have_ended(tmp_path: Path) -> None:
    """A run that works on another target is not held for too long."""
    (tmp_path / "hold").touch()
    began_s = time.monotonic()
    summary = await run(two(tmp_path, throttle_timeout_s=0.3), control=Control())
    assert (summary.exit_code, summary.ok, summary.skipped) == (5, 60, 60)
    assert time.monotonic() - began_s > 0.3

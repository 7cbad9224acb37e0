"""Both forms of a batch of reads keep every promise: deadlines, culprits, order, resume, read-only."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.interrupted_runs import begun
from tests.support.servers import postgres as servers
from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    from tests.support.command import Cli

FORMS = pytest.mark.parametrize("form", ["set", "auto"])
SOURCE = "range:id=1..100000"
ENDLESS = "select :id::int as id, case when :id::int = 4711 then (select count(*) from generate_series(1, 10000000000)) end as n"


@pytest.fixture
def url(database: str) -> str:
    """A database with some rows."""
    servers.execute(
        database, "create table t as select i as id, i % 7 as v from generate_series(1, 1000) as i", "analyze t"
    )
    return database


def lines(path: Path) -> list[dict[str, object]]:
    """The objects of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def attempts(path: Path) -> int:
    """How often a batch was sent, by the report of the run."""
    return int(json.loads(path.read_text())["counts"]["attempts"])


@FORMS
def test_an_endless_query_ends_alone(cli: Cli, tmp_path: Path, url: str, form: str) -> None:
    """At most one second after its own deadline, among ten thousand; all others are answered in order."""
    given = ("-t", url, "-p", "range:id=1..10000", "--batch-form", form, "--timeout", "1s", "-o", "out.jsonl")
    done = cli("run", "-e", ENDLESS, *given, "--failures", "bad.jsonl", "--report", "json:r.json")
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (1, "9999", "1"), done.err
    (bad,) = lines(tmp_path / "bad.jsonl")
    assert (bad["n"], bad["message"], bad["sqlstate"]) == (4711, "timed out after 1s", "57014")
    assert [row["id"] for row in lines(tmp_path / "out.jsonl")] == [n for n in range(1, 10_001) if n != 4711]
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["counts"]["together"] > 0
    assert report["elapsed_ms"] < 12_000  # not the start of the process, which compiles modules on a new machine


@FORMS
def test_poison_costs_few_attempts(cli: Cli, tmp_path: Path, url: str, form: str) -> None:
    """Ten failures among a hundred thousand, with number, line and SQLSTATE, for fewer than a hundred extra attempts."""
    poison = range(5_000, 100_001, 10_000)
    for name, bad in (("clean", ()), ("poisoned", poison)):
        rows = "".join(f"{n},{0 if n in bad else 1}\n" for n in range(1, 100_001))
        (tmp_path / f"{name}.csv").write_text(f"id,by\n{rows}")
    given = ("-t", url, "--batch-form", form, "--batch", "500", "--failures", "bad.jsonl")
    sql = "select :id::int as id, 6 / :by::int as q"
    clean = cli("run", "-e", sql, *given, "-p", "clean.csv", "-o", "clean.jsonl", "--report", "json:clean.json")
    assert clean.code == 0, clean.err
    done = cli("run", "-e", sql, *given, "-p", "poisoned.csv", "-o", "out.jsonl", "--report", "json:bad.json")
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (1, "99990", "10"), done.err
    found = lines(tmp_path / "bad.jsonl")
    assert [row["n"] for row in found] == list(poison)
    assert [row["source"] for row in found] == [f"poisoned.csv:{n + 1}" for n in poison]
    assert {row["sqlstate"] for row in found} == {"22012"}
    assert attempts(tmp_path / "bad.json") - attempts(tmp_path / "clean.json") < 100


@pytest.mark.long
def test_output_is_the_same(cli: Cli, tmp_path: Path, url: str) -> None:
    """Byte for byte in order; the same lines without order. Sets have no row, one, and several."""
    sql = "select id, v, :id::int as given from t where v = :id::int % 9 and id < 20 order by id desc"
    given = ("-t", url, "-p", "range:id=1..6000", "-o")
    for form in ("pipeline", "set", "auto"):
        ordered = cli("run", "-e", sql, *given, f"{form}.csv", "--batch-form", form)
        loose = cli("run", "-e", sql, *given, f"{form}-u.csv", "--batch-form", form, "--unordered")
        assert (ordered.code, loose.code) == (0, 0), ordered.err + loose.err
    wanted = (tmp_path / "pipeline.csv").read_bytes()
    assert (tmp_path / "set.csv").read_bytes() == wanted
    assert (tmp_path / "auto.csv").read_bytes() == wanted
    for form in ("pipeline", "set", "auto"):
        assert sorted((tmp_path / f"{form}-u.csv").read_bytes().splitlines()) == sorted(wanted.splitlines())


@FORMS
def test_a_killed_run_is_resumed(cli: Cli, tmp_path: Path, url: str, form: str) -> None:
    """The output ends as if the process had not been killed."""
    sql = "select :id::int as id, count(*) as n from t where v = :id::int % 7 and id <> :id::int"
    given = ("-t", url, "-p", "range:id=1..8000", "--batch-form", form, "--batch", "200", "-o")
    whole = cli("run", "-e", sql, *given, "whole.csv")
    assert whole.code == 0, whole.err
    process = cli.start("run", "-e", sql, *given, "part.csv")
    run = begun(process)
    wait_until(lambda: any(p.stat().st_size > 20_000 for p in tmp_path.glob("*part.csv*")), "nothing is written")
    process.kill()
    process.communicate()
    assert process.returncode in {-signal.SIGKILL, 0}
    if process.returncode:
        done = cli("resume", run)
        assert done.code == 0, done.err
    assert (tmp_path / "part.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@FORMS
def test_an_interrupt_cancels_the_statement(cli: Cli, url: str, form: str) -> None:
    """Twice Ctrl-C: nothing runs on, and the run can be resumed."""
    sql = "select :id::int as id, (select count(*) from generate_series(1, 2000000 + :id::int)) as n"
    process = cli.start("run", "-e", sql, "-t", url, "-p", SOURCE, "--batch-form", form, "--batch", "50", "-j", "2")
    begun(process)
    active = "select count(*) from pg_stat_activity where query like '%generate_series(1, 2000000%' and state = 'active' and pid <> pg_backend_pid()"
    wait_until(lambda: servers.execute(url, active)[0][0] != 0, "nothing is executed")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert b"status=stopped" in err, err
    wait_until(lambda: servers.execute(url, active)[0][0] == 0, "a statement runs on")


@FORMS
def test_a_read_changes_nothing(cli: Cli, url: str, form: str) -> None:
    """What writes is refused in both forms, and the run ends."""
    servers.execute(
        url,
        "create function empty(int) returns int language sql volatile as 'delete from t returning 1'",
        "create function sly(int) returns int language plpgsql stable as 'begin return empty($1); end'",
    )
    for sql in ("select sly(:id::int)", "select empty(:id::int)"):
        done = cli("run", "-e", sql, "-t", url, "-p", SOURCE, "--batch-form", form, "--batch", "100")
        assert done.code == 4, done.err
    assert servers.execute(url, "select count(*) from t") == [(1000,)]


@pytest.mark.long
def test_huge_answers_do_not_fill_the_memory(cli: Cli, tmp_path: Path, url: str) -> None:
    """A thousand rows for each set: not much more memory than the other form takes."""
    sql = "select :id::int as id, t.*, repeat('x', 50) as pad from t"
    peaks = {}
    for form in ("pipeline", "set"):
        given = ("-t", url, "-p", "range:id=1..300", "--batch-form", form, "-o", f"{form}.csv", "-j", "2")
        process = cli.start("run", "-e", sql, *given)
        while process.poll() is None:
            peaks[form] = peak_kb(process.pid) or peaks[form]
            time.sleep(0.01)
        assert process.returncode == 0
    assert (tmp_path / "set.csv").read_bytes() == (tmp_path / "pipeline.csv").read_bytes()
    assert peaks["set"] < 1.3 * peaks["pipeline"] + 20_000, peaks


def peak_kb(pid: int) -> int:
    """The most memory that a process has had, 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) if found else 0


@pytest.mark.parametrize(
    ("sql", "form", "line"),
    [
        ("select v from t where id = :id", "auto", "one statement for all sets where that is faster"),
        ("select v from t where id = :id", "set", "one statement for all sets, as requested"),
        ("select v from t where id = :id", "pipeline", "one execution for each set, as requested"),
        ("select random(), :id::int", "set", "one execution for each set: the text names random(), which is volatile"),
    ],
)
def test_the_plan_says_the_form(cli: Cli, url: str, sql: str, form: str, line: str) -> None:
    """And why it is not one statement."""
    done = cli("plan", "run", "-e", sql, "-t", url, "-p", "range:id=1..9", "--batch-form", form)
    assert done.code == 0, done.err
    assert f"  batches     {line}" in done.text.splitlines()


def test_the_plan_has_no_form_where_there_is_no_choice(cli: Cli, url: str) -> None:
    """A query without parameters has one execution, and a write has no such form."""
    for arguments in (("select 1",), ("delete from t where id = :id", "--write", "-p", "range:id=1..9")):
        done = cli("plan", "run", "-t", url, "-e", *arguments)
        assert done.code == 0, done.err
        assert "  batches " not in done.text

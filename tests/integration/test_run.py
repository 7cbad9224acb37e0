"""The main job on every kind of target, as processes: order, failures, timeouts, stops, signals, read-only."""

from __future__ import annotations

import csv
import json
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support import targets
from tests.support.targets import ENDLESS, KINDS, Target, ids

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

LOOKUP = "select id, square from numbers where id = :id"


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A target of each kind, empty."""
    kind = request.param
    if kind == "sqlite":
        return targets.make(kind, tmp_path, "", None)
    database = request.getfixturevalue("database")
    through = request.getfixturevalue("pgbouncer").through(database) if kind == "pgbouncer" else None
    return targets.make(kind, tmp_path, database, through)


@pytest.fixture
def postgres_target(tmp_path: Path, database: str) -> Target:
    """PostgreSQL, direct."""
    return targets.make("postgresql", tmp_path, database, None)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_set_is_answered_in_input_order(target: Target, cli: Cli, tmp_path: Path) -> None:
    """Twenty thousand lookups over eight lanes come out in the order they went in."""
    target.numbers(20_000)
    wanted = [(n * 7_919) % 20_000 + 1 for n in range(20_000)]
    got = cli("run", "-e", LOOKUP, "-t", target.url, "-p", ids(tmp_path, wanted), "-o", "out.jsonl", "-j", "8")
    assert got.code == 0, got.err
    assert got.out == b""
    assert [row["id"] for row in lines(tmp_path / "out.jsonl")] == wanted
    assert got.counts["ok"] == "20000"


def test_unordered_gives_the_same_rows(target: Target, cli: Cli, tmp_path: Path) -> None:
    """`--unordered` gives every row once, in any order."""
    target.numbers(5_000)
    got = cli("run", "-e", LOOKUP, "-t", target.url, "-p", "range:id=1..5000", "-o", "out.csv", "--unordered")
    assert got.code == 0, got.err
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert sorted(int(row["id"]) for row in rows) == list(range(1, 5_001))


def test_one_endless_query_among_many(target: Target, cli: Cli, tmp_path: Path) -> None:
    """The endless one times out alone, soon after its deadline; the others are answered and nothing runs on."""
    query = f"select :id as id, case when cast(:id as text) = '4711' then ({ENDLESS[target.kind if target.sqlite else 'postgresql']}) else 1 end as one"
    query = query.replace(":id as id", "cast(:id as integer) as id")
    started = time.monotonic()
    got = cli(
        "run",
        "-e",
        query,
        "-t",
        target.url,
        "-p",
        "range:id=1..10000",
        "-o",
        "out.jsonl",
        "--timeout",
        "1s",
        "--failures",
        "bad.jsonl",
    )
    assert got.code == 1, got.err
    assert time.monotonic() - started < 12
    assert (got.counts["ok"], got.counts["failed"]) == ("9999", "1")
    (bad,) = lines(tmp_path / "bad.jsonl")
    assert bad["n"] == 4711
    assert bad["message"] == "timed out after 1s"
    assert [row["id"] for row in lines(tmp_path / "out.jsonl")] == [n for n in range(1, 10_001) if n != 4711]
    assert target.active() == 0


def test_poison_is_named_and_set_aside(target: Target, cli: Cli, tmp_path: Path) -> None:
    """Ten poison sets among twenty thousand are ten failures with line and SQLSTATE; all others are answered."""
    poison = set(range(1_000, 20_001, 2_000))
    path = tmp_path / "sets.csv"
    path.write_text(
        "id,by\n" + "".join(f"{n},{'boom' if n in poison else 1}\n" for n in range(1, 20_001)), encoding="utf-8"
    )
    if target.sqlite:
        query = "select cast(:id as integer) as id, case when :by = 'boom' then json('x') else 1 end as one"
    else:
        query = "select :id::int as id, 1 / (case when :by::text = 'boom' then 0 else 1 end) as one"
    got = cli("run", "-e", query, "-t", target.url, "-p", path, "-o", "out.jsonl", "--failures", "bad.jsonl")
    assert got.code == 1, got.err
    bad = lines(tmp_path / "bad.jsonl")
    assert {row["n"] for row in bad} == poison
    assert {row["source"] for row in bad} == {f"{path}:{n + 1}" for n in poison}
    assert {row["sqlstate"] for row in bad} == {"SQLITE_ERROR" if target.sqlite else "22012"}
    assert len(lines(tmp_path / "out.jsonl")) == 19_990


def test_failures_are_parameters_again(target: Target, cli: Cli, tmp_path: Path) -> None:
    """A `--failures` file can be given to `-p`: what failed is tried again and nothing else."""
    query = (
        "select cast(:id as integer) / (select d from divisor) as q"
        if not target.sqlite
        else "select json(case when :id in (3, 5) then (select d from divisor) else '1' end) as q"
    )
    target.execute("create table divisor (d text)" if target.sqlite else "create table divisor (d integer)")
    target.execute("insert into divisor values ('x')" if target.sqlite else "insert into divisor values (0)")
    first = cli(
        "run", "-e", query, "-t", target.url, "-p", "range:id=1..5", "--failures", "bad.jsonl", "--format", "none"
    )
    assert first.code == 1, first.err
    target.execute("update divisor set d = '1'" if target.sqlite else "update divisor set d = 1")
    failed = len(lines(tmp_path / "bad.jsonl"))
    assert failed == (2 if target.sqlite else 5)
    again = cli("run", "-e", query, "-t", target.url, "-p", "bad.jsonl", "--format", "none")
    assert (again.code, again.counts["ok"]) == (0, str(failed)), again.err


def test_fail_fast_cancels_what_is_in_flight(postgres_target: Target, cli: Cli) -> None:
    """With `-x` one failure stops the run at once and cancels the other lanes' statements on the server."""
    query = "select case when :id::int = 8 then 1 / 0 else (select 1 from pg_sleep(30)) end"
    started = time.monotonic()
    got = cli(
        "run", "-e", query, "-t", postgres_target.url, "-p", "range:id=1..100", "-j", "8", "-x", "--format", "none"
    )
    assert got.code == 5, got.err
    assert time.monotonic() - started < 10
    assert got.counts["failed"] == "1"
    assert int(got.counts["skipped"]) == 99
    assert postgres_target.active() == 0


def test_max_failures_drains(target: Target, cli: Cli) -> None:
    """`--max-failures 3` stops the run, exit 5, and lets what runs finish."""
    query = "select json('x')" if target.sqlite else "select 1 / 0"
    got = cli(
        "run",
        "-e",
        f"{query} where :id is not null" if target.sqlite else f"{query} where :id::int > 0",
        "-t",
        target.url,
        "-p",
        "range:id=1..500",
        "--max-failures",
        "3",
        "--format",
        "none",
        "-j",
        "2",
    )
    assert got.code == 5, got.err
    assert 3 <= int(got.counts["failed"]) < 500


def test_hopeless_runs_end(target: Target, cli: Cli) -> None:
    """When the first thousand sets all failed, the run stops with exit 5."""
    query = "select json('x' || :id)" if target.sqlite else "select 1 / (:id::int - :id::int)"
    got = cli("run", "-e", query, "-t", target.url, "-p", "range:id=1..5000", "--format", "none")
    assert got.code == 5, got.err
    assert "all of the first" in got.err


def test_a_refused_statement_fails_once(target: Target, cli: Cli) -> None:
    """A statement that the database does not accept is one failure and the rest is skipped."""
    got = cli(
        "run",
        "-e",
        "select absent from nowhere where id = :id",
        "-t",
        target.url,
        "-p",
        "range:id=1..50",
        "--format",
        "none",
    )
    assert got.code == 1, got.err
    assert (got.counts["failed"], got.counts["skipped"]) == ("1", "49")
    assert "nowhere" in got.err


def test_slow_queries_run_side_by_side(postgres_target: Target, cli: Cli) -> None:
    """Twenty one-second queries over eight lanes take three seconds and a little."""
    got = cli(
        "run",
        "-e",
        "select pg_sleep(1) where :id::int > 0",
        "-t",
        postgres_target.url,
        "-p",
        "range:id=1..20",
        "-j",
        "8",
        "--format",
        "none",
    )
    assert got.code == 0, got.err
    assert 3.0 <= float(got.counts["elapsed"].rstrip("s")) < 4.5


def test_many_queries_run_side_by_side(postgres_target: Target, cli: Cli, tmp_path: Path) -> None:
    """Queries without parameters of one file run at the same time; output is in file order."""
    text = "".join(
        f"-- name: q{n}\nselect {n} as n from pg_sleep({'0.9' if n == 1 else '0.5'});\n" for n in range(1, 9)
    )
    (tmp_path / "many.sql").write_text(text, encoding="utf-8")
    got = cli("run", "many.sql", "-t", postgres_target.url, "-j", "8")
    assert got.code == 0, got.err
    assert float(got.counts["elapsed"].rstrip("s")) < 2.5
    assert [json.loads(line)["n"] for line in got.text.splitlines()] == list(range(1, 9))


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


def test_writes_change_each_row_once(target: Target, cli: Cli) -> None:
    """A write run without a ledger applies every set once and tells how many rows changed."""
    target.numbers(5_000)
    query = "update numbers set touched = touched + 1 where id = :id"
    got = cli("run", "-e", query, "-t", target.url, "-p", "range:id=1..5000", "--write", "--ledger", "none", "-j", "8")
    assert got.code == 0, got.err
    assert got.counts["changed"] == "5000"
    assert got.out == b""
    assert target.execute("select min(touched), max(touched) from numbers") == [(1, 1)]


def test_a_bad_set_of_a_write_is_rolled_back_alone(target: Target, cli: Cli, tmp_path: Path) -> None:
    """In a write, the culprit is rolled back and every other set is applied once."""
    target.execute("create table t (id integer primary key, v integer not null check (v < 100))")
    path = tmp_path / "sets.csv"
    path.write_text(
        "id,v\n" + "".join(f"{n},{500 if n % 400 == 0 else 1}\n" for n in range(1, 2_001)), encoding="utf-8"
    )
    got = cli(
        "run",
        "-e",
        "insert into t values (:id, :v)",
        "-t",
        target.url,
        "-p",
        path,
        "--write",
        "--ledger",
        "none",
        "--failures",
        "bad.jsonl",
    )
    assert got.code == 1, got.err
    assert (got.counts["ok"], got.counts["failed"], got.counts["changed"]) == ("1995", "5", "1995")
    assert target.execute("select count(*) from t") == [(1_995,)]
    assert [row["n"] for row in lines(tmp_path / "bad.jsonl")] == [400, 800, 1200, 1600, 2000]


def test_row_counts_where_asked_for(target: Target, cli: Cli) -> None:
    """With `--format`, a statement that returns no rows gives its row count per set, in order."""
    target.numbers(10)
    got = cli(
        "run",
        "-e",
        "update numbers set touched = 1 where id <= :id",
        "-t",
        target.url,
        "-p",
        "range:id=1..3",
        "--write",
        "--ledger",
        "none",
        "--format",
        "jsonl",
        "--include",
        "n",
        "-j",
        "1",
    )
    assert got.code == 0, got.err
    assert [json.loads(line) for line in got.text.splitlines()] == [{"_n": n, "rowcount": n} for n in (1, 2, 3)]


def test_included_columns(target: Target, cli: Cli) -> None:
    """`--include` adds number, parameters, query and target."""
    target.numbers(3)
    got = cli(
        "run",
        "-e",
        "select square from numbers where id = :id",
        "-t",
        target.url,
        "-p",
        "range:id=2..3",
        "--include",
        "n,params,query",
        "--format",
        "jsonl",
    )
    assert got.code == 0, got.err
    first = json.loads(got.text.splitlines()[0])
    assert (first["_n"], str(first["id"]), first["_query"], first["square"]) == (1, "2", "sql", 4)


def test_lists_and_identifiers(target: Target, cli: Cli, tmp_path: Path) -> None:
    """`:ids*` is a list and `:{table}` a checked, quoted name, both from the parameters."""
    target.execute('create table "odd name" (id integer)', 'insert into "odd name" values (1), (2), (3)')
    target.execute("create table plain (id integer)", "insert into plain values (10)")
    (tmp_path / "q.sql").write_text(
        "-- name: q\n-- @param tab ident\nselect count(*) as n from :{tab} where id in (:ids*);\n", encoding="utf-8"
    )
    sets = [{"tab": "odd name", "ids": [1, 3, 9]}, {"tab": "plain", "ids": [10]}, {"tab": "odd name", "ids": [2]}]
    (tmp_path / "sets.jsonl").write_text("".join(json.dumps(s) + "\n" for s in sets), encoding="utf-8")
    got = cli("run", "q.sql", "-t", target.url, "-p", "sets.jsonl")
    assert got.code == 0, got.err
    assert [json.loads(line)["n"] for line in got.text.splitlines()] == [2, 1, 1]


def test_only_text_is_an_identifier(target: Target, cli: Cli, tmp_path: Path) -> None:
    """NULL and a list name no table: refused before the start, later a failure of their own set, and no table called "None" is touched."""
    target.execute(
        'create table "None" (k integer)', 'insert into "None" values (1), (2)', "create table b (k integer)"
    )
    (tmp_path / "q.sql").write_text("-- name: wipe\n-- @param tab ident\ndelete from :{tab} where 1 = 1;\n", "utf-8")
    (tmp_path / "sets.csv").write_text("tab,k\nb,1\n,2\n", "utf-8")
    got = cli("run", "q.sql", "-t", target.url, "-p", "sets.csv", "--extra-columns", "ignore", "--write")
    assert (got.code, got.err.splitlines()) == (
        2,
        ['sets.csv:3: column "tab": NULL is not an identifier: write a name (:{tab} of q.sql:wipe)'],
    )
    (tmp_path / "number.jsonl").write_text('{"tab":7}\n', "utf-8")
    got = cli("run", "q.sql", "-t", target.url, "-p", "number.jsonl", "--write")
    assert (got.code, "a number is not an identifier" in got.err) == (2, True)
    late = [{"tab": "b"}] * 1_000 + [{"tab": None}, {"tab": ["b"]}, {"tab": 7}, {"tab": {"x": 1}}, {"tab": "b"}]
    text = "".join(json.dumps(one) + "\n" for one in late)
    query = (
        "run",
        "q.sql",
        "-t",
        target.url,
        "-p",
        "-",
        "--params-format",
        "jsonl",
        "--write",
        "--failures",
        "f.jsonl",
    )
    got = cli(*query, stdin=text.encode())
    assert got.code == 1, got.err
    assert "ok=1001 failed=4" in got.err
    kept = lines(tmp_path / "f.jsonl")
    assert [(one["n"], one["outcome"]) for one in kept] == [(n, "not_started") for n in range(1001, 1005)]
    assert [one["params"] for one in kept] == late[1000:1004]
    assert target.execute('select count(*) from "None"') == [(2,)]


def test_a_bad_constant_is_told_once(target: Target, cli: Cli, tmp_path: Path) -> None:
    """A value of `--param` that is none of its type is named as that option, on every database, and not once per set."""
    (tmp_path / "q.sql").write_text("-- name: q(id: bigint, n)\nselect :id as id, cast(:n as text) as n;\n", "utf-8")
    (tmp_path / "ns.csv").write_text("n\n1\n2\n3\n", "utf-8")
    for command in (("run",), ("plan", "run")):
        got = cli(*command, "q.sql", "-t", target.url, "-p", "ns.csv", "--param", "id=abc")
        said = '--param id: "abc" is not a bigint (:id of q.sql:q)'
        assert (got.code, (got.text + got.err).count(said)) == (2, 1), got.err


def test_parameters_from_a_query(target: Target, cli: Cli) -> None:
    """`-p sql:` streams the sets out of a query on the target."""
    target.numbers(3_000)
    got = cli(
        "run", "-e", LOOKUP, "-t", target.url, "-p", "sql:select id from numbers where id % 3 = 0 order by id desc"
    )
    assert got.code == 0, got.err
    assert [json.loads(line)["id"] for line in got.text.splitlines()] == list(range(3_000, 0, -3))


def test_parameters_from_a_query_that_writes(target: Target, cli: Cli) -> None:
    """A source of parameters only reads: what would change data is refused with exit code 4, and the line says what to do."""
    target.numbers(3)
    source = "sql:delete from numbers where id = 1 returning id"
    for mode in ((), ("--write",)):
        got = cli("run", "-e", "select :id as id", "-t", target.url, "-p", source, *mode)
        assert (got.code, got.out) == (4, b""), got.err
        assert got.last.endswith(": a parameter source is read-only: change data in a query of the run, with --write")
    assert target.execute("select count(*) from numbers") == [(3,)]


def test_a_big_result_is_streamed(target: Target, cli: Cli, tmp_path: Path) -> None:
    """One query of many rows arrives whole, in every format."""
    target.numbers(60_000)
    for name in ("out.csv", "out.tsv", "out.jsonl", "out.json"):
        got = cli("run", "-e", "select id, square from numbers order by id", "-t", target.url, "-o", name)
        assert got.code == 0, got.err
    jsonl = lines(tmp_path / "out.jsonl")
    assert [row["id"] for row in jsonl] == list(range(1, 60_001))
    assert json.loads((tmp_path / "out.json").read_text()) == jsonl
    rows = list(csv.reader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["id", "square"]
    assert len(rows) == 60_001
    assert (tmp_path / "out.tsv").read_text().replace("\t", ",") == (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize("sql", ["show work_mem", "explain select 1", "(select 1) union select 2", "values (1)"])
def test_every_statement_with_rows_goes_to_csv(sql: str, postgres_target: Target, cli: Cli) -> None:
    """Without parameters a result is copied by the server, where the server copies such a statement."""
    got = cli("run", "-e", sql, "-t", postgres_target.url, "--format", "csv")
    assert got.code == 0, got.err
    assert len(got.text.splitlines()) >= 2


def test_output_to_a_file_per_query(target: Target, cli: Cli, tmp_path: Path) -> None:
    """`{query}` in the path makes a file for each query."""
    (tmp_path / "two.sql").write_text(
        "-- name: a\nselect 1 as x;\n-- name: b\nselect 2 as y, 3 as z;\n", encoding="utf-8"
    )
    got = cli("run", "two.sql", "-t", target.url, "-o", "out-{query}.csv")
    assert got.code == 0, got.err
    assert (tmp_path / "out-a.csv").read_text() == "x\n1\n"
    assert (tmp_path / "out-b.csv").read_text() == "y,z\n2,3\n"


def test_a_header_without_rows(target: Target, cli: Cli, tmp_path: Path) -> None:
    """No parameter sets: exit 0, ok=0, and the output exists."""
    target.numbers(1)
    got = cli("run", "-e", LOOKUP, "-t", target.url, "-p", ids(tmp_path, []), "-o", "out.jsonl")
    assert (got.code, got.counts["ok"]) == (0, "0"), got.err
    assert (tmp_path / "out.jsonl").read_text() == ""


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

"""`--shard I/N`: several runs share the parameter sets of one input, or the checks of one selection."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import bulkq
from tests.support.interrupted_runs import QUERIES, ROWS, SETUP, TARGET, assert_one_line, killed, query

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

ADD = ("-e", "update t set n = n + 1 where id = :id", "-t", TARGET, "--write")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database of counters, queries and parameter sets."""
    (tmp_path / "q.sql").write_text(QUERIES)
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(1, ROWS + 1)))
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        database.executescript(SETUP)
    return tmp_path


def test_the_shards_are_the_whole(cli: Cli, folder: Path) -> None:
    """Together they have each set once, with its number in the whole input; each has a file of its own."""
    select = ("-e", "select :id as x", "-t", TARGET, "-p", "ids.csv", "--include", "n", "-o", "x-{shard}.csv")
    found: list[str] = []
    for index in (1, 2, 3):
        done = cli("run", *select, "--shard", f"{index}/3", "--report", f"json:r{index}.json")
        assert (done.code, done.counts["ok"]) == (0, str(len(range(index, ROWS + 1, 3)))), done.err
        assert f" shard={index}/3" in done.err.splitlines()[0]
        lines = (folder / f"x-{index}-of-3.csv").read_text().splitlines()[1:]
        assert lines == [f"{n},{n}" for n in range(index, ROWS + 1, 3)]
        found += lines
    assert len(set(found)) == ROWS


def test_a_write_is_applied_once_over_kill_resume_and_retry(cli: Cli, folder: Path) -> None:
    """A shard that was killed goes on with its own sets; the retry of another has its own failures, with their lines."""
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute(
            "create trigger bad before update on t when old.id in (8, 9, 12) begin select raise(abort, 'bad'); end"
        )
        database.commit()
    options = ("q.sql:add_slowly", "-t", TARGET, "-p", "ids.csv", "--write", "-j", "2", "--batch", "3")
    process = cli.start("run", *options, "--shard", "1/2", "--failures", "f-{shard}.jsonl")
    run = killed(process, lambda: int(str(query(folder, "select sum(n) from t")[0][0])) >= 20)
    first = cli("resume", run)
    assert (first.code, first.counts["ok"], first.counts["failed"]) == (1, str(ROWS // 2 - 1), "1"), first.err
    second = cli("run", *options, "--shard", "2/2", "--failures", "f-{shard}.jsonl")
    assert (second.code, second.counts["ok"], second.counts["failed"]) == (1, str(ROWS // 2 - 2), "2"), second.err
    failures = [json.loads(line) for line in (folder / "f-2-of-2.jsonl").read_text().splitlines()]
    assert [(one["n"], one["source"]) for one in failures] == [(8, "ids.csv:9"), (12, "ids.csv:13")]
    assert json.loads((folder / "f-1-of-2.jsonl").read_text())["n"] == 9
    details = cli("runs", second.counts["run"]).text
    assert "shard        2/2" in details
    assert f"{ROWS // 2 - 2} done in steps of 2: 2..6, 10, 14..{ROWS}" in details
    assert "failure      n=8 ids.csv:9" in details
    shown = json.loads(cli("runs", second.counts["run"], "--format", "json").text)
    assert (shown["shard"], shown["parts"][-1]["done"]) == ("2/2", [[2, 6], [10, 10], [14, ROWS]])
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("drop trigger bad")
        database.commit()
    for done, count in ((first, 1), (second, 2)):
        again = cli("retry", done.counts["run"])
        assert (again.code, again.counts["ok"]) == (0, str(count)), again.err
    assert query(folder, "select n, count(*) from t group by n") == [(1, ROWS)]
    assert query(folder, "select count(*) from bulkq_markers") == [(0,)]


def test_a_shard_of_a_pipe_goes_on(cli: Cli, folder: Path) -> None:
    """Its spool has the whole input, and the rest of it is that of the shard."""
    ids = "id\n" + "".join(f"{i}\n" for i in range(1, 21))
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute(
            "create trigger bad before update on t when old.id in (5, 8) begin select raise(abort, 'bad'); end"
        )
        database.commit()
    piped = ("-p", "-", "--params-format", "csv", "--shard", "2/3", "-j", "1", "--batch", "1", "--max-failures", "1")
    done = cli("run", *ADD, *piped, stdin=ids.encode())
    assert (done.code, done.counts["ok"], done.counts["failed"], done.counts["skipped"]) == (5, "1", "1", "5"), done.err
    again = cli("resume", "--last", "--max-failures", "9")
    assert (again.code, again.counts["ok"], again.counts["failed"]) == (1, "5", "2"), again.err
    assert query(folder, "select id from t where n = 1 order by id") == [(2,), (11,), (14,), (17,), (20,)]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--shard", "0/3"), "--shard 0/3: shards are numbered from 1/3 to 3/3"),
        (("--shard", "4/3"), "--shard 4/3: shards are numbered from 1/3 to 3/3"),
        (("--shard", "3"), "--shard 3: write I/N, for example 1/3"),
        (
            ("--shard", "1/3", "-o", "x.csv"),
            '-o "x.csv": each shard would replace the file of the others: write {shard} into the name',
        ),
        (("--shard", "1/3", "--failures", "d/x.jsonl"), 'for example "d/x-{shard}.jsonl"'),
        (("-o", "x-{shard}.csv"), "add --shard I/N, or leave {shard} out"),
        (("--report", "json:{shard}.json"), "add --shard I/N, or leave {shard} out"),
    ],
)
def test_bad_input(cli: Cli, options: tuple[str, ...], words: str) -> None:
    """One line with the next step, and nothing is sent."""
    assert_one_line(cli("run", *ADD, "-p", "range:id=1..9", *options), 2, words)


@pytest.mark.usefixtures("folder")
def test_plans_and_backfills(cli: Cli) -> None:
    """A plan counts the sets of the shard; a backfill and maintenance refuse one, also that of the environment, with the reason."""
    plan = cli("plan", "run", *ADD, "-p", "ids.csv", "--shard", "2/3", "--group", "nightly")
    assert plan.code == 0, plan.err
    for word in ("shard         2/3: the sets 2, 5, 8, ...", "group         nightly", "id=2"):
        assert word in plan.text
    assert f"{len(range(2, ROWS + 1, 3))} from ids.csv" in plan.text
    backfill = ("backfill", "-t", TARGET, "--over", "t", "--set", "n = 1")
    assert_one_line(cli(*backfill, "--shard", "1/3"), 2, "a backfill has no shards")
    assert_one_line(cli("plan", *backfill, "--shard", "1/3"), 2, "a backfill has no shards")
    assert_one_line(cli(*backfill, env={"BULKQ_SHARD": "1/3"}), 2, "a backfill has no shards")
    maintain = ("maintain", "analyze", "-t", TARGET)
    assert_one_line(cli("plan", *maintain, "--shard", "1/3"), 2, "maintenance has no shards")
    assert_one_line(cli(*maintain, env={"BULKQ_SHARD": "1/3"}), 2, "--shard 1/3: maintenance has no shards")


def test_checks_are_divided_by_number(cli: Cli, folder: Path) -> None:
    """Each check is in one shard; options may be for checks of other shards; a shard without checks is no error."""
    (folder / "c.sql").write_text(
        "".join(f"-- name: c{n}\nselect {n} as x where {n} = 2;\n" for n in range(1, 6))
        + "-- name: c6(id: int)\nselect :id as x where :id > 9;\n"
    )
    checked: list[str] = []
    for index, code in ((1, 0), (2, 1), (3, 0)):
        options = ("c.sql", "-t", TARGET, "--shard", f"{index}/3", "--report", "json:{shard}.json", "--param", "id=1")
        done = cli("check", *options)
        assert done.code == code, done.err
        report = json.loads((folder / f"{index}-of-3.json").read_text())
        checked += [one["name"] for one in report["checks"]]
        assert "2 of 6, as shard" in cli("plan", "check", *options).text
    assert checked == ["c1", "c4", "c2", "c5", "c3", "c6"]
    empty = cli("check", "c.sql", "-t", TARGET, "--shard", "7/7", "--param", "id=1")
    assert (empty.code, "none of 6 checks is in shard 7/7" in empty.err) == (0, True), empty.err


def test_a_group_is_summed_up(cli: Cli, folder: Path) -> None:
    """What is missing counts as unknown, what failed is named; a write is not begun a second time; all ok is exit 0."""
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("create trigger bad before update on t when old.id = 4 begin select raise(abort, 'bad'); end")
        database.commit()
    shard = lambda index: cli("run", *ADD, "-p", "range:id=1..9", "--group", "G", "--shard", f"{index}/2")  # noqa: E731
    first = shard(1)
    assert (first.code, "shard=1/2 group=G" in first.err) == (0, True), first.err
    assert "shards are applied in no order)" in first.err
    done = cli("runs", "--group", "G")
    assert (done.code, "missing: 2/2" in done.text) == (3, True), done.text
    assert_one_line(
        shard(1), 4, 'shard 1/2 of the group "G" was begun by run', first.counts["run"], "name another --group"
    )
    for other in (("--shard", "1/3"), ()):
        twice = cli("run", *ADD, "-p", "range:id=1..9", "--group", "G", *other)
        assert_one_line(twice, 4, 'of the group "G" were begun by run', "as shard 1/2", "name another --group")
    second = shard(2)
    done = cli("runs", "--group", "G")
    assert (done.code, f"next: bulkq retry {second.counts['run']}" in done.text) == (1, True), done.text
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("drop trigger bad")
        database.commit()
    assert cli("retry", second.counts["run"]).code == 0
    done = cli("runs", "--group", "G", "--format", "json")
    found = json.loads(done.text)
    assert (done.code, found["exit"], found["counts"]["ok"], found["counts"]["failed"]) == (0, 0, 9, 0), done.text
    assert query(folder, "select sum(n), count(*) from t where id <= 9 and n = 1") == [(9, 9)]
    for options in ((), ("--ledger", "none.db")):
        assert_one_line(cli("runs", "--group", "other", *options), 2, 'no run of the group "other"')
    assert_one_line(cli("runs", "--group", "G", "--last"), 2, "--group sums up a group")
    assert_one_line(cli("run", *ADD, "-p", "range:id=1..9", "--group", ""), 2, "--group is empty")


def test_jobs_that_differ_in_a_constant_are_two(cli: Cli, folder: Path) -> None:
    """A green job does not stand for a red one of the same group; where the files are makes no difference."""
    text = "-- name: c{n}(x: int)\nselect {n} as n where :x = 1;\n"
    for copy in ("a", "b"):
        (folder / copy).mkdir()
        (folder / copy / "c.sql").write_text(text.format(n=1) + text.format(n=2))
    for x in (1, 2):
        for index, copy in ((1, "a"), (2, "b")):
            group = ("--param", f"x={x}", "--group", "G", "--shard", f"{index}/2")
            assert cli("check", str(folder / copy / "c.sql"), "-t", TARGET, *group).code == (1 if x == 1 else 0)
    done = cli("runs", "--group", "G", "--format", "json")
    found = json.loads(done.text)["jobs"]
    assert (done.code, [[run["status"] for run in job["runs"]] for job in found]) == (1, [["failed"] * 2, ["ok"] * 2])
    for command in (("run", "-e", "select 1"), ("check", "a")):
        assert_one_line(cli(*command, "-t", TARGET, "--group", "G", "--ledger", "none"), 2, "is kept in a ledger")


async def test_shards_of_the_python_api(folder: Path) -> None:
    """Sets from an iterator are divided as those of a file; failures have the numbers of all sets."""
    async with bulkq.open(f"sqlite:///{folder}/app.db") as database:
        async with database.run("select :id as x", ({"id": i} for i in range(1, 9)), shard="2/3") as rows:
            assert [row["x"] async for row in rows] == [2, 5, 8]
        summary = await database.execute("select json(:x)", [{"x": "{"}] * 6, shard="2/3")
        assert [failure.n for failure in summary.failures] == [2, 5]
        for wrong, words in (("4/3", "shards are numbered from"), (3, "such as")):
            with pytest.raises(bulkq.UsageError, match=words):
                await database.execute("select 1", shard=wrong)  # type: ignore[arg-type]

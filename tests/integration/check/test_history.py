"""Earlier values of a check, and baselines from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.model import Verdict
from bulkq.tasks.check.read_history import read_history
from tests.support.checks import by_name, load, run, verdicts

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


async def test_history_is_kept(postgres_url: str, tmp_path: Path) -> None:
    """What was measured, run by run; `unchanged` compares with it; no row and no parameter value is in it."""
    ledger = str(tmp_path / "ledger.db")
    text = (
        "-- name: size\n-- @expect unchanged 10%\nselect {value};\n-- name: rows\nselect 'tell-' || 'nobody' as name;\n"
        "-- name: bad\nselect 'tell-' || 'nobody'::int;\n-- name: slow\nselect pg_sleep({value} / 1000.0) where false"
    )
    first = await run(load(text.format(value=100), "h.sql"), postgres_url, ledger=ledger)
    assert verdicts(first) == {"size": "warn", "rows": "fail", "bad": "error", "slow": "pass"}
    second = await run(load(text.format(value=109), "h.sql"), postgres_url, ledger=ledger)
    third = await run(load(text.format(value=130), "h.sql"), postgres_url, ledger=ledger)
    assert by_name(second)["size"].message == f"value 109 (it was 100 in run {first.run})"
    assert by_name(third)["size"].verdict is Verdict.FAIL
    history = by_name(third)["size"].history
    assert [(past.run, past.value, str(past.verdict)) for past in history] == [
        (second.run, "109", "pass"),
        (first.run, "100", "warn"),
    ]
    assert b"tell-nobody" not in Path(ledger).read_bytes()


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
async def test_no_number_is_no_baseline(kind: str, database: str, sqlite_file: SqliteFile, tmp_path: Path) -> None:
    """NULL and infinity are errors, whatever came before; a check that used to measure something else begins anew."""
    url = database if kind == "postgresql" else f"sqlite:///{sqlite_file()}"
    infinity = "'Infinity'::float8" if kind == "postgresql" else "9e999"

    async def once(condition: str, sql: str) -> tuple[str, str]:
        text = f"-- name: total\n-- @expect {condition}\nselect {sql} as total"
        summary = await run(load(text, "total.sql"), url, ledger=f"sqlite:///{tmp_path}/ledger.db")
        return str(summary.checks[0].verdict), summary.checks[0].message

    nothing = "(select sum(n) from (select 1 as n) as one where n < 0)"
    assert await once("unchanged 5%", nothing) == ("error", "the value is NULL")
    assert await once("unchanged 5%", nothing) == ("error", "the value is NULL")
    for _ in range(2):
        verdict, message = await once("unchanged 5%", infinity)
        assert (verdict, message.endswith("is infinite, so its change cannot be measured")) == ("error", True)
    assert await once("unchanged 5%", "20") == ("warn", "value 20, no earlier run to compare with")
    assert (await once("not empty", "20"))[0] == "pass"
    verdict, message = await once("unchanged 5%", "20")
    assert (verdict, message.partition(", run ")[0]) == ("warn", "value 20")
    assert message.endswith("measured rows, this one a value: the next run is compared with it")
    assert (await once("unchanged 5%", "20"))[0] == "pass"
    assert (await once("unchanged 5%", "22"))[0] == "fail"


async def test_one_check_has_one_history(
    folder: Path, sqlite_file: SqliteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From whatever folder of the project it is named; and every text of `-e` has its own."""
    (folder / "bulkq.toml").touch()
    url, ledger = f"sqlite:///{sqlite_file()}", str(folder / "l.db")

    async def earlier(text: str, file: str | None) -> int:
        return len((await run(load(text, file), url, ledger=ledger)).checks[0].history)

    assert await earlier("select 1", "checks/a.sql") == 0
    assert await earlier("select 1", str(folder / "checks" / "a.sql")) == 1
    monkeypatch.chdir(folder / "checks")
    assert await earlier("select 1", "a.sql") == 2
    assert await earlier("select 1", "deep/../a.sql") == 3
    assert [each.key for each in await read_history("a.sql:a", ledger)] == ["checks/a.sql:a"]
    assert [await earlier(text, None) for text in ("select 1", "select 2", "select 1")] == [0, 0, 1]

"""A driver that was written from docs/drivers.md alone: no PEP 249, no placeholders, no transactions, no cancelling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.databases import installed

if TYPE_CHECKING:
    from tests.support.command import Cli, Finished

pytest.importorskip("chdb", reason="the extra drivers-test has it")
DRIVER = Path(__file__).parents[1] / "support" / "chdb_driver.py"


class Shop:
    """A folder of chDB's."""

    def __init__(self, cli: Cli, folder: Path) -> None:
        self._cli = cli
        self._url = f"ownchdb:///{folder}"
        self._env = {"PYTHONPATH": installed("ownchdb", DRIVER.read_text(), "Chdb")}

    def run(self, sql: str, *args: str) -> Finished:
        """A run on it."""
        return self._cli("run", "-e", sql, "-t", self._url, *args, env=self._env, timeout_s=60)


@pytest.fixture
def shop(cli: Cli, tmp_path: Path) -> Shop:
    """With a table `items`."""
    folder = tmp_path / "shop"
    folder.mkdir()
    made = Shop(cli, folder)
    done = made.run(
        "create table items (id Int64, name String) engine = MergeTree order by id",
        "--write",
        "--idempotent",
        "--allow",
        "ddl",
    )
    assert done.code == 0, done.err
    return made


def test_reads_and_writes(shop: Shop) -> None:
    """Values of every sign arrive, rows come back in order, and what is not counted is said not to be."""
    insert = "insert into items values (:id, 'it''s 100%')"
    done = shop.run(insert, "-p", "range:id=1..3", "--write", "--idempotent")
    assert (done.code, done.counts["ok"], done.counts["changed"]) == (0, "3", "?"), done.err
    asked = shop.run(
        "select id, name from items where name = :name order by id", "--param", "name=it's 100%", "--format", "csv"
    )
    assert asked.text.splitlines() == ["id,name", *(f"{i},it's 100%" for i in (1, 2, 3))]


def test_what_cannot_be_promised_is_refused(shop: Shop) -> None:
    """Exactly once needs transactions; a read-only run writes nothing; mistakes are found before anything runs."""
    insert = "insert into items values (:id, 'x')"
    exact = shop.run(insert, "-p", "range:id=1..3", "--write")
    assert (exact.code, "--idempotent" in exact.err) == (4, True)
    assert shop.run(insert, "-p", "range:id=1..3").code == 4
    wrong = shop.run("select nosuch from items where id = :id", "-p", "range:id=1..2")
    assert (wrong.code, "[42703]" in wrong.err) == (1, True)
    counted = shop.run("select count(*) as n from items", "--format", "csv")
    assert counted.text.split() == ["n", "0"]


def test_a_slow_query_is_left_behind(shop: Shop) -> None:
    """It cannot be cancelled, so its outcome is unknown, and the process ends all the same."""
    slow = "select sum(number) from numbers(100000000000) where number <> :id"
    done = shop.run(slow, "-p", "range:id=1..1", "--timeout", "1s")
    assert (done.code, done.counts["unknown"]) == (3, "1"), done.err

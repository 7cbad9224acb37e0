"""Rows of other tables that row level security hides from the role."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support import targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.targets import Target

SET = ("--over", "big", "--set", "w = (select x from look where k = big.v)")
CHECKS = """-- name: none
-- @expect rows = 0
select k from look where k > 7;
-- name: of_number(n: int)
-- @expect rows = 0
select k from look where k > :n;
"""


@pytest.fixture
def hiding(database: str, tmp_path: Path) -> Iterator[tuple[Target, str]]:
    """A table, one whose policy hides half of its rows from a role, and the URL of that role."""
    made, role = targets.make("postgresql", tmp_path, database, None), f"bulkq_{uuid4().hex[:12]}"
    made.execute(
        "create table big (id int primary key, v int, w int)",
        "insert into big select g, g % 10, null from generate_series(1, 100) as g",
        "create table look (k int primary key, x int)",
        "insert into look select g, g from generate_series(0, 9) as g",
        "alter table look enable row level security",
        "create policy p on look using (k < 5)",
        f"create role {role} login password 's'",
        f"grant all on schema public to {role}",
        f"grant all on big, look to {role}",
    )
    yield made, f"postgresql://{role}:s@{made.url.partition('@')[2]}"
    made.execute(f"drop owned by {role}", f"drop role {role}")


def test_a_backfill_is_refused(cli: Cli, hiding: tuple[Target, str]) -> None:
    """A subquery would find no row, and give NULL; also in `--verify`. `--allow hidden` goes on."""
    made, url = hiding
    done = cli("backfill", "-t", url, *SET)
    assert done.code == 4, done.err
    assert 'row-level security policy for table "look"' in done.err
    verified = cli("backfill", "-t", url, "--over", "big", "--set", "w = 1", "--verify", "select count(*) from look")
    assert (verified.code, "--verify: " in verified.err) == (4, True), verified.err
    assert made.execute("select count(w) from big") == [(0,)]
    assert cli("backfill", "-t", url, *SET, "--allow", "hidden").code == 0
    assert made.execute("select count(w) from big") == [(50,)]


def test_checks_say_so(cli: Cli, hiding: tuple[Target, str]) -> None:
    """Once for a table; a role that sees all rows gets no notice, nor one for which it is an error."""
    made, url = hiding
    (cli.folder / "c.sql").write_text(CHECKS)
    done = cli("check", "c.sql", "-t", url, "--param", "n=7")
    assert done.code == 0, done.err
    assert done.err.count("checks see only the rows that its policies show") == 1
    assert "checks see only" not in cli("check", "c.sql", "-t", made.url, "--param", "n=7").err
    strict = cli("check", "c.sql", "-t", url, "--param", "n=7", env={"PGOPTIONS": "-c row_security=off"})
    assert strict.code == 3, strict.err
    assert "checks see only" not in strict.err
